import type { Scenario } from '../../scenario.ts';

export const receiveMaximum: Scenario = {
  name: 'receive-maximum',
  group: 'brokers',
  title: 'brokers cap what may be in flight (Receive Maximum 1, 3), late with acknowledgements; the cap is kept',
  setup: {
    brokers: [
      { gateways: 4, capabilities: { receiveMaximum: 1 } },
      { gateways: 4, capabilities: { receiveMaximum: 3 }, qos: 2 },
    ],
  },
  async faults(run) {
    for (const broker of run.brokers) broker.faultable.faults.ackDelayMs = 20;
    await run.lasting(8_000);
    const peak = (index: number) =>
      Math.max(...run.brokers[index]!.faultable.connections.map(({ peakInFlight }) => peakInFlight));
    run.extras.set('most in flight', `${peak(0)} and ${peak(1)}`);
    for (const broker of run.brokers) broker.faultable.faults.clear();
  },
};
