import { podsOf } from '../release/selectors.ts';
import { PLANNED_MS, type Scenario } from '../scenario.ts';
import type { ScenarioRun } from '../scenario-run.ts';

const FLEET = 'second';
const UP_TIMEOUT_MS = 300_000;
/** The stabilisation that a cluster has by default, and more. */
const DOWN_TIMEOUT_MS = 600_000;

export const autoscale: Scenario = {
  name: 'autoscale',
  title: 'a HorizontalPodAutoscaler scales a fleet up under load, and down again',
  profile: ['autoscaled'],
  load: { steady: { gateways: 8, fleet: FLEET } },
  promises: { worstGapMs: PLANNED_MS },
  deadlineMs: 1_500_000,
  async skip(_, api) {
    const metrics = await api.find('/apis/metrics.k8s.io/v1beta1');
    return metrics === undefined ? 'the cluster measures no CPU (metrics-server)' : undefined;
  },
  async steps(run) {
    await publishers(run, (count) => count === 1, 'one', UP_TIMEOUT_MS);
    let began = performance.now();
    await run.load.begin({ heavy: { gateways: 60, fleet: FLEET, pace: { perRequest: 10, intervalMs: 100 } } });
    await publishers(run, (count) => count >= 2, 'more than one', UP_TIMEOUT_MS);
    run.extras.set('up after', `${((performance.now() - began) / 1000).toFixed(0)} s`);
    await run.load.flowing();
    await run.load.stop('heavy');
    began = performance.now();
    await publishers(run, (count) => count === 1, 'one again', DOWN_TIMEOUT_MS);
    run.extras.set('down after', `${((performance.now() - began) / 1000).toFixed(0)} s`);
  },
};

async function publishers(
  run: ScenarioRun,
  isEnough: (count: number) => boolean,
  what: string,
  timeoutMs: number,
): Promise<void> {
  let ready = 0;
  await run.until(
    async () => {
      ready = (await run.release.pods('mqtt-publisher', FLEET)).length;
      const all = await run.release.namespace.pods(podsOf('mqtt-publisher', FLEET));
      return isEnough(ready) && all.length === ready;
    },
    () => `publishers of ${FLEET}: ${what}; ready: ${ready}`,
    timeoutMs,
  );
  run.note(`publishers of ${FLEET}: ${ready}`);
}
