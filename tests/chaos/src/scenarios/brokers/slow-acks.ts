import type { Scenario } from '../../scenario.ts';

const SLOW_MS = 25_000;

export const slowAcks: Scenario = {
  name: 'slow-acks',
  group: 'brokers',
  title: 'a broker acknowledges one message a second for 25 s; only its own gateways are slow',
  setup: {
    brokers: [
      // Every acknowledgement comes within the deadline: the broker is slow, it does not hang.
      { gateways: 2, mqtt: { advanced: { inFlight: 5 } } },
      { gateways: 8, promises: { worstGapMs: 1_000, connects: 1 } },
    ],
  },
  promises: { connects: 1 },
  async faults(run) {
    run.broker.faultable.faults.acksPerSecond = 1;
    await run.lasting(SLOW_MS);
    run.broker.faultable.faults.clear();
    await run.flowing();
  },
};
