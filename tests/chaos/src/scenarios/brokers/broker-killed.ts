import type { Scenario } from '../../scenario.ts';

const AWAY_MS = 10_000;

export const brokerKilled: Scenario = {
  name: 'broker-killed',
  group: 'brokers',
  title: 'brokers crash, or are restarted, and are away for 10 s; those of others do not notice',
  setup: {
    brokers: [
      { gateways: 6 },
      { kind: 'mosquitto', gateways: 4 },
      { gateways: 6, promises: { worstGapMs: 1_000, connects: 1 } },
    ],
  },
  async faults(run) {
    const [faultable, mosquitto] = [run.brokers[0]!, run.brokers[1]!];
    run.sessionLost('a broker crashes', faultable);
    run.sessionLost('mosquitto is stopped', mosquitto);
    await Promise.all([faultable.faultable.stop(), mosquitto.mosquitto.kill('SIGTERM')]);
    await run.lasting(AWAY_MS);
    await Promise.all([faultable.faultable.restart(), mosquitto.mosquitto.restart()]);
    await run.flowing();
  },
};
