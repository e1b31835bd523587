import { type Scenario, TAKEOVER_MS } from '../../scenario.ts';

export const publisherKill9: Scenario = {
  name: 'publisher-kill9',
  group: 'processes',
  title: 'a publisher is killed (kill -9), three times, and started again',
  short: true,
  // At first, at each takeover, and when the one that is back gets its share.
  promises: { worstGapMs: TAKEOVER_MS, connects: 7 },
  async faults(run) {
    for (let round = 0; round < 3; round += 1) {
      const owner = await run.ownerOf();
      run.crashed(`kill -9 of ${owner.instance}`);
      await owner.process.kill('SIGKILL');
      await run.flowing();
      await owner.process.restart();
      await run.flowing();
    }
  },
};
