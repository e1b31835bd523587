import { LEASE_TTL_MS, type Scenario, TAKEOVER_MS } from '../../scenario.ts';

export const publisherCutOff: Scenario = {
  name: 'publisher-cut-off',
  group: 'nats',
  title: 'a publisher is cut off from NATS but not from brokers, and comes back; twice, first half-open, then refused',
  setup: { proxied: true },
  // At first, at the takeover, and when it gets its share back: no fight.
  promises: { worstGapMs: TAKEOVER_MS, connects: 5 },
  async faults(run) {
    for (const way of ['blackhole', 'refuse'] as const) {
      const owner = await run.ownerOf();
      run.crashed(`${owner.instance} is cut off: ${way}`);
      await owner.natsProxy[way]();
      if (way === 'refuse') owner.natsProxy.resetAll();
      await run.lasting(LEASE_TTL_MS * 2);
      await run.flowing();
      run.note(`${owner.instance} is back`);
      await owner.natsProxy.restore();
      await run.lasting(LEASE_TTL_MS);
      await run.flowing();
    }
  },
};
