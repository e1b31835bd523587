import { streamState } from '@gatecast/local-stack';
import type { Scenario } from '../../scenario.ts';

const DEAD_MS = 20_000;
const BROKERS = 3;
const GATEWAYS = 20;

export const allDead: Scenario = {
  name: 'all-dead',
  group: 'brokers',
  title: 'all brokers refuse for 20 s, then are back at once: status writes and the connect curve stay bounded',
  setup: {
    brokers: Array.from({ length: BROKERS }, () => ({ gateways: GATEWAYS, pace: { perRequest: 1, intervalMs: 400 } })),
  },
  async faults(run) {
    const before = await streamState(run.stack, 'KV_status');
    for (const broker of run.brokers) {
      run.sessionLost('refused', broker);
      await broker.proxy.refuse();
      broker.proxy.resetAll();
    }
    await run.lasting(DEAD_MS);
    const writes = (await streamState(run.stack, 'KV_status')).lastSequence - before.lastSequence;
    const allowed = BROKERS * GATEWAYS * (DEAD_MS / 2_000 + 1);
    run.extras.set('status writes', `${writes} of ${allowed}`);
    run.expect(writes <= allowed, `at most one write of a status per 2 s; there were ${writes}, ${allowed} allowed`);

    const back = performance.timeOrigin + performance.now();
    await Promise.all(run.brokers.map(({ proxy }) => proxy.restore()));
    await run.flowing();
    const connects = run.brokers.flatMap(({ faultable }) => faultable.connects.filter(({ time }) => time >= back));
    run.extras.set(
      'most CONNECTs in 1 s',
      String(
        mostIn(
          1_000,
          connects.map(({ time }) => time),
        ),
      ),
    );
    run.expect(connects.length <= BROKERS * GATEWAYS * 2, `no storm; ${connects.length} CONNECTs`);
  },
};

/** The most of these times that lie within `ms` of each other. */
function mostIn(ms: number, times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  let from = 0;
  let most = 0;
  for (const [index, time] of sorted.entries()) {
    while (time - (sorted[from] ?? time) > ms) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}
