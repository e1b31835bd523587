import type { Scenario } from '../../scenario.ts';

const BLACKHOLE_MS = 120_000;
const ACK_TIMEOUT_MS = 10_000;

export const brokerBlackholed: Scenario = {
  name: 'broker-blackholed',
  group: 'brokers',
  title: 'the way to a broker leads nowhere for 120 s; status leaves green within the PUBACK deadline + 1 s',
  setup: {
    brokers: [{ gateways: 4 }, { gateways: 8, promises: { worstGapMs: 1_000, connects: 1 } }],
    deadlineMs: 260_000,
  },
  async faults(run) {
    run.sessionLost('blackhole');
    run.broker.proxy.blackhole();
    const began = performance.now();
    const affected = run.gatewaysAt(run.broker);
    const isGreen = async () =>
      (await Promise.all(affected.map(({ client }) => client.status()))).some((one) => one.active);
    await run.until(async () => !(await isGreen()), 'status to leave green');
    const noticed = performance.now() - began;
    run.expectWithin('noticed after', noticed, ACK_TIMEOUT_MS + 1_000);
    await run.lasting(BLACKHOLE_MS - noticed);
    await run.broker.proxy.restore();
    await run.flowing();
  },
};
