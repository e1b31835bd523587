import { waitFor } from '@gatecast/shared/testing';
import { type CommandOptions, run } from './command.ts';
import type { KubeApi } from './kube-api.ts';
import type { ListOf, Pod, Resource, Secret, Workload } from './resources.ts';
import { isReady, isRolledOut } from './resources.ts';

/** What a namespace of these tests is marked with: no other is ever touched. */
const OURS = 'gatecast-e2e';
const DELETE_TIMEOUT_MS = 180_000;
const POLL_MS = 500;

/** One namespace, as these tests use it. */
export class Namespace {
  readonly name: string;
  readonly api: KubeApi;

  constructor(name: string, api: KubeApi) {
    this.name = name;
    this.api = api;
  }

  /** A new and empty one, whose pods have to be restricted. @throws {TypeError} when somebody else's has this name */
  async create(): Promise<void> {
    await this.delete();
    await this.api.post('/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: this.name,
        labels: { [OURS]: 'true', 'pod-security.kubernetes.io/enforce': 'restricted' },
      },
    });
  }

  /** Resolves when it is gone. @throws {TypeError} when it is somebody else's */
  async delete(): Promise<void> {
    const path = `/api/v1/namespaces/${this.name}`;
    const found = await this.api.find<Resource>(path);
    if (found === undefined) return;
    if (found.metadata.labels?.[OURS] !== 'true') {
      throw new TypeError(`the namespace ${this.name} is there, and is not of these tests`);
    }
    if (found.metadata.deletionTimestamp === undefined) await this.api.delete(path);
    await waitFor(async () => (await this.api.find(path)) === undefined, {
      timeoutMs: DELETE_TIMEOUT_MS,
      intervalMs: POLL_MS,
      describe: `the namespace ${this.name} to be gone`,
    });
  }

  /** Makes resources what they should be. */
  async apply(resources: readonly object[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: resources };
    await this.kubectl(['apply', '-f', '-'], { input: JSON.stringify(list) });
  }

  kubectl(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return run('kubectl', ['--namespace', this.name, ...args], options);
  }

  /** Those that match the labels, in the order of their names. */
  async pods(labels: Readonly<Record<string, string>> = {}): Promise<Pod[]> {
    const { items } = await this.api.get<ListOf<Pod>>(this.#path('pods', labels));
    return items.toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name));
  }

  async readyPods(labels: Readonly<Record<string, string>> = {}): Promise<Pod[]> {
    return (await this.pods(labels)).filter(isReady);
  }

  async deployments(labels: Readonly<Record<string, string>> = {}): Promise<readonly Workload[]> {
    return (await this.api.get<ListOf<Workload>>(this.#path('deployments', labels, '/apis/apps/v1'))).items;
  }

  async statefulSets(labels: Readonly<Record<string, string>> = {}): Promise<readonly Workload[]> {
    return (await this.api.get<ListOf<Workload>>(this.#path('statefulsets', labels, '/apis/apps/v1'))).items;
  }

  /** Waits until every workload that matches has its pods, of its present generation, ready, and no other pod is left. */
  async rolledOut(timeoutMs: number, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    let unready: string[] = [];
    await waitFor(
      async () => {
        const workloads = [...(await this.deployments(labels)), ...(await this.statefulSets(labels))];
        unready = workloads.filter((one) => !isRolledOut(one)).map(({ metadata }) => metadata.name);
        if (workloads.length === 0 || unready.length > 0) return false;
        const pods = await this.pods(labels);
        return pods.every((pod) => isReady(pod) || pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed');
      },
      { timeoutMs, intervalMs: POLL_MS, describe: () => `the workloads of ${this.name} to be ready; not: ${unready}` },
    );
  }

  async secret(name: string): Promise<Secret | undefined> {
    return this.api.find<Secret>(`/api/v1/namespaces/${this.name}/secrets/${name}`);
  }

  /** As planned, or, with `force`, at once. */
  async deletePod(name: string, { force = false } = {}): Promise<void> {
    await this.api.delete(`/api/v1/namespaces/${this.name}/pods/${name}`, force ? { gracePeriodSeconds: 0 } : {});
  }

  /** Asks for an eviction as a drain does. @throws {KubeApiError} with status 429 when a disruption budget forbids it */
  async evictPod(name: string): Promise<void> {
    await this.api.post(`/api/v1/namespaces/${this.name}/pods/${name}/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace: this.name },
    });
  }

  async scale(deployment: string, replicas: number): Promise<void> {
    const path = `/apis/apps/v1/namespaces/${this.name}/deployments/${deployment}/scale`;
    await this.api.patch(path, { spec: { replicas } });
  }

  /** What a command in a pod writes to its output. */
  exec(pod: string, command: readonly string[]): Promise<string> {
    return this.kubectl(['exec', pod, '--', ...command]);
  }

  #path(resource: string, labels: Readonly<Record<string, string>>, api = '/api/v1'): string {
    const selector = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
    const query = selector.length === 0 ? '' : `?labelSelector=${encodeURIComponent(selector.join(','))}`;
    return `${api}/namespaces/${this.name}/${resource}${query}`;
  }
}
