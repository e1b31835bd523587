import type { Scenario } from '../../scenario.ts';

export const tenthDead: Scenario = {
  name: 'tenth-dead',
  group: 'brokers',
  title: 'a tenth of the gateways have a dead broker for 25 s; the others do not notice',
  setup: {
    brokers: [{ gateways: 2 }, { gateways: 18, promises: { worstGapMs: 1_000, connects: 1 } }],
  },
  async faults(run) {
    run.sessionLost('dead');
    run.broker.proxy.blackhole();
    await run.lasting(25_000);
    await run.broker.proxy.restore();
    await run.flowing();
  },
};
