import { KubeApiError } from '../cluster/kube-api.ts';
import type { ListOf, Resource } from '../cluster/resources.ts';
import { podsOf, RELEASE, type Service } from '../release/selectors.ts';
import { PLANNED_MS, type Scenario } from '../scenario.ts';
import type { ScenarioRun } from '../scenario-run.ts';

const EVICTION_TIMEOUT_MS = 120_000;
const LOAD = { default: { gateways: 16 }, exactly: { gateways: 4, qos: 2 } } as const;
/** Those that have a second pod to go on with. */
const REPLICATED: readonly (readonly [Service, string?])[] = [
  ['mqtt-publisher', 'default'],
  ['encoder'],
  ['sensor-ingest'],
];

interface Node extends Resource {
  readonly spec: { readonly unschedulable?: boolean };
}

/** Asks as a drain does: again and again while a disruption budget forbids it. Returns how often it did. */
async function evict(run: ScenarioRun, pod: string): Promise<number> {
  let refusals = 0;
  await run.until(
    async () => {
      try {
        await run.release.namespace.evictPod(pod);
        return true;
      } catch (error) {
        if (!(error instanceof KubeApiError) || error.status !== 429) throw error;
        refusals += 1;
        return false;
      }
    },
    `the eviction of ${pod}`,
    EVICTION_TIMEOUT_MS,
  );
  return refusals;
}

export const evictions: Scenario = {
  name: 'evictions',
  title: 'pods are evicted, all of a service at once; the disruption budgets let one go at a time',
  ci: true,
  load: LOAD,
  promises: { worstGapMs: PLANNED_MS },
  async steps(run) {
    let refusals = 0;
    for (const [service, fleet] of REPLICATED) {
      const pods = await run.release.pods(service, fleet);
      run.expect(pods.length > 1, `${service} has more than one pod`);
      run.note(`evictions of ${service}`);
      const asked = await Promise.all(pods.map(({ metadata }) => evict(run, metadata.name)));
      const refused = asked.reduce((sum, count) => sum + count, 0);
      run.expect(refused > 0, `the disruption budget of ${service} forbids a second eviction at once`);
      refusals += refused;
      await run.release.rolledOut(podsOf(service, fleet));
      await run.load.flowing();
    }
    run.extras.set('refused for a while', String(refusals));
  },
};

export const drain: Scenario = {
  name: 'drain',
  title: 'the node of a publisher is drained of the release’s pods',
  load: LOAD,
  async skip(_, api) {
    const { items } = await api.get<ListOf<Node>>('/api/v1/nodes');
    const schedulable = items.filter(({ spec }) => spec.unschedulable !== true);
    return schedulable.length > 1 ? undefined : 'the cluster has one node: see evictions';
  },
  async steps(run) {
    const [publisher] = await run.release.pods('mqtt-publisher');
    const node = publisher?.spec.nodeName ?? '';
    run.crashed(`${node} is drained`); // NATS may be on it
    const selector = `--pod-selector=app.kubernetes.io/instance=${RELEASE}`;
    try {
      await run.release.namespace.kubectl(
        ['drain', node, selector, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=240s'],
        { timeoutMs: 270_000 },
      );
      await run.release.ready();
      await run.load.flowing();
    } finally {
      await run.release.namespace.kubectl(['uncordon', node]);
    }
  },
};
