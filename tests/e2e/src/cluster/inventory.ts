import { type KubeApi, KubeApiError } from './kube-api.ts';
import type { ListOf, Resource } from './resources.ts';

interface ResourceList {
  readonly resources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs: readonly string[];
  }[];
}

interface GroupList {
  readonly groups: readonly { readonly preferredVersion: { readonly groupVersion: string } }[];
}

/** They tell of things, or are made of others. */
const PASSING = new Set(['Event', 'PodMetrics', 'NodeMetrics', 'Endpoints', 'EndpointSlice']);
/** Kubernetes puts them into every namespace, soon after it is made. */
const OF_EVERY_NAMESPACE = new Set(['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default']);

/**
 * Everything that there is in a namespace, and of what belongs to no namespace that which has the label: `Kind/name`,
 * sorted.
 */
export async function inventory(api: KubeApi, namespace: string, label: string): Promise<string[]> {
  const { groups } = await api.get<GroupList>('/apis');
  const versions = ['/api/v1', ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
  const found = new Set<string>();
  for (const version of versions) {
    const list = await answered(api.get<ResourceList>(version));
    const listable = list?.resources.filter(({ name, verbs }) => verbs.includes('list') && !name.includes('/')) ?? [];
    for (const { name, kind, namespaced } of listable) {
      if (PASSING.has(kind)) continue;
      const path = namespaced
        ? `${version}/namespaces/${namespace}/${name}`
        : `${version}/${name}?labelSelector=${encodeURIComponent(label)}`;
      const items = (await answered(api.get<ListOf<Resource>>(path)))?.items ?? [];
      for (const { metadata } of items) found.add(`${kind}/${metadata.name}`);
    }
  }
  return [...found].filter((item) => !OF_EVERY_NAMESPACE.has(item)).sort();
}

/** Undefined when Kubernetes refuses: a group may be announced and have nobody who answers for it. */
async function answered<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof KubeApiError) return undefined;
    throw error;
  }
}
