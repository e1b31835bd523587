import type { Scenario } from '../../scenario.ts';

const READINGS = 100_000;
const PER_REQUEST = 1_000;

export const backlog100000: Scenario = {
  name: 'backlog-100000',
  group: 'data',
  title: '100,000 readings of one gateway wait for its broker, then catch up beside the live traffic of 200 others',
  setup: {
    brokers: [
      { gateways: 1, pace: 'idle' },
      { gateways: 200, pace: { perRequest: 1, intervalMs: 1_000 }, promises: { worstGapMs: 1_000 } },
    ],
    deadlineMs: 300_000,
    settleMs: 180_000,
  },
  async faults(run) {
    const [behind] = run.gatewaysAt(run.broker);
    run.sessionLost('the broker goes away');
    await run.broker.proxy.refuse();
    run.broker.proxy.resetAll();
    for (let sent = 0; sent < READINGS; sent += PER_REQUEST) await behind!.load.send(PER_REQUEST, run.load.giveUp);
    await run.flowing(3);
    await run.broker.proxy.restore();
    const began = performance.now();
    await run.until(
      () => run.arrivedOf(behind!) >= READINGS,
      () => `the backlog, ${run.arrivedOf(behind!)} came`,
      180_000,
    );
    run.extras.set('caught up with', `${Math.round(READINGS / ((performance.now() - began) / 1000))}/s`);
  },
};
