import { between } from '@gatecast/delivery-check/load';
import { LEASE_TTL_MS, type Scenario, TAKEOVER_MS } from '../../scenario.ts';

export const publisherPaused: Scenario = {
  name: 'publisher-paused',
  group: 'processes',
  title: 'a publisher hangs in mid-publish for longer than its lease (SIGSTOP) and goes on (SIGCONT), twice',
  short: true,
  // At first, at each takeover, and when the one that goes on gets its share: no fight.
  promises: { worstGapMs: TAKEOVER_MS, connects: 5 },
  async faults(run) {
    // There is always something in flight.
    run.broker.faultable.faults.ackDelayMs = 50;
    for (let round = 0; round < 2; round += 1) {
      const owner = await run.ownerOf();
      await run.lasting(between(run.random, 0, 300));
      run.crashed(`SIGSTOP to ${owner.instance}`);
      await owner.process.pause();
      await run.lasting(LEASE_TTL_MS * 1.5);
      await run.flowing();
      run.note(`SIGCONT to ${owner.instance}`);
      owner.process.resume();
      await run.lasting(LEASE_TTL_MS / 2);
      await run.flowing();
    }
  },
};
