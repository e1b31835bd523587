import { HANDOVER_MS, type Scenario } from '../../scenario.ts';

export const publisherSigterm: Scenario = {
  name: 'publisher-sigterm',
  group: 'processes',
  title: 'a publisher is asked to stop (SIGTERM), three times, and started again',
  // At first, at each handover, and when the one that is back gets its share.
  promises: { worstGapMs: HANDOVER_MS, connects: 7 },
  async faults(run) {
    for (let round = 0; round < 3; round += 1) {
      const owner = await run.ownerOf();
      run.note(`SIGTERM to ${owner.instance}`);
      await owner.process.stop();
      await run.flowing();
      await owner.process.restart();
      await run.flowing();
    }
  },
};
