import type { Scenario } from '../../scenario.ts';

export const ingestKill9: Scenario = {
  name: 'ingest-kill9',
  group: 'processes',
  title: 'each sensor-ingest is killed (kill -9) and started again, twice; gateways send again what was not answered',
  async faults(run) {
    for (const ingest of [...run.running('sensor-ingest'), ...run.running('sensor-ingest')]) {
      run.note(`kill -9 of ${ingest.instance}`);
      await ingest.process.kill('SIGKILL');
      await run.flowing();
      await ingest.process.restart();
      await run.flowing();
    }
  },
};
