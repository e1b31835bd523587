import type { Scenario } from '../../scenario.ts';

const ROUNDS = 15;

export const settingsEverySecond: Scenario = {
  name: 'settings-every-second',
  group: 'changes',
  title: 'settings of every gateway change every second: root topic, keep-alive, protocol version, QoS 1 and 2',
  async faults(run) {
    const changes = [
      { rootTopic: 'Site' },
      { keepAliveSeconds: 30 },
      { protocolVersion: '3.1.1' },
      { qos: 2 },
      { protocolVersion: '5' },
      { qos: 1 },
      { rootTopic: 'Aranet', keepAliveSeconds: 60 },
    ] as const;
    for (let round = 0; round < ROUNDS; round += 1) {
      const change = changes[round % changes.length]!;
      run.note(JSON.stringify(change));
      await Promise.all(run.gateways.map(({ client }) => client.patch(change)));
      await run.lasting(1_000);
    }
  },
};
