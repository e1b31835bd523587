import { HANDOVER_MS, type Scenario } from '../../scenario.ts';

export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  group: 'processes',
  title: 'every process of every service is restarted, one after another',
  promises: { worstGapMs: HANDOVER_MS },
  async faults(run) {
    for (const { instance, process } of run.stack.instances) {
      run.note(`restart of ${instance}`);
      await process.restart();
      await run.flowing(5);
    }
  },
};
