import { streamState } from '@gatecast/local-stack';
import type { Scenario } from '../../scenario.ts';

export const brokerResets: Scenario = {
  name: 'broker-resets',
  group: 'brokers',
  title: 'every connection to a broker is reset every 2 s, eight times; nothing is taken for poison',
  short: true,
  setup: { brokers: [{ gateways: 8 }, { gateways: 4, promises: { worstGapMs: 1_000, connects: 1 } }] },
  async faults(run) {
    for (let round = 0; round < 8; round += 1) {
      run.sessionLost('reset');
      run.broker.proxy.resetAll();
      await run.lasting(2_000);
    }
    const { messages } = await streamState(run.stack, 'DEADLETTER');
    run.expect(messages === 0, `nothing is dead-lettered; ${messages} were`);
  },
};
