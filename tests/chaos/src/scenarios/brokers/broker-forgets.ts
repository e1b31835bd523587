import type { Scenario } from '../../scenario.ts';

export const brokerForgets: Scenario = {
  name: 'broker-forgets',
  group: 'brokers',
  title: 'brokers are restarted without their sessions, three times, at QoS 1 and 2',
  setup: {
    brokers: [
      { gateways: 6, qos: 1 },
      { gateways: 6, qos: 2 },
    ],
  },
  async faults(run) {
    for (let round = 0; round < 3; round += 1) {
      for (const broker of run.brokers) {
        run.brokerForgot('a broker crashes and forgets', broker);
        await broker.faultable.restart({ keepSessions: false, keepRetained: false });
      }
      await run.flowing();
    }
  },
};
