import type { LabelSelector, Manifest, ServiceSpec, WorkloadSpec } from '../kubernetes.ts';
import { idOf, type Pod, portOf, type Release } from '../release.ts';
import type { Rule } from '../rule.ts';
import { hasLabels, matches } from '../selectors.ts';

/** Labels that change with an upgrade; the API server refuses a workload whose selector has changed. */
const changing = ['helm.sh/chart', 'app.kubernetes.io/version', 'app.kubernetes.io/managed-by'];

/** Selectors select what they are meant for: a workload its own pods alone, a Service pods that listen on its ports. */
export const selectors: Rule = (release) => [
  ...release.ofKind('Deployment', 'StatefulSet', 'DaemonSet').flatMap((owner) => workloadProblems(release, owner)),
  ...release.ofKind('Service').flatMap((service) => serviceProblems(release, service)),
  ...release.ofKind('StatefulSet').flatMap((set) => headlessProblems(release, set)),
  ...release.ofKind('PodMonitor').flatMap((monitor) => podMonitorProblems(release, monitor)),
  ...release.ofKind('ServiceMonitor').flatMap((monitor) => serviceMonitorProblems(release, monitor)),
  ...release.pods.flatMap(spreadProblems),
];

function workloadProblems(release: Release, owner: Manifest): string[] {
  const id = idOf(owner);
  const { selector } = owner.spec as WorkloadSpec;
  if (Object.keys(selector.matchLabels ?? {}).length === 0) return [`${id}: selects by no label`];
  const problems = changing
    .filter((label) => selector.matchLabels?.[label] !== undefined)
    .map((label) => `${id}: selects by ${label}, which an upgrade changes`);
  const selected = release.pods.filter(({ labels }) => matches(selector, labels)).map((pod) => pod.id);
  if (!selected.includes(id)) problems.push(`${id}: does not select its own pods`);
  for (const other of selected) if (other !== id) problems.push(`${id}: selects the pods of ${other} too`);
  return problems;
}

function serviceProblems(release: Release, service: Manifest): string[] {
  const id = idOf(service);
  const { selector = {}, ports = [], type } = service.spec as ServiceSpec;
  if (type === 'ExternalName') return [];
  const pods = release.pods.filter(({ labels }) => hasLabels(labels, selector));
  if (Object.keys(selector).length === 0 || pods.length === 0) return [`${id}: selects no pod`];
  return pods.flatMap((pod) =>
    ports
      .filter(({ port, targetPort }) => portOf(pod, targetPort ?? port) === undefined)
      .map(({ port, targetPort }) => `${id}: no container of ${pod.id} names port ${targetPort ?? port}`),
  );
}

function headlessProblems(release: Release, set: Manifest): string[] {
  const { serviceName = '', template } = set.spec as WorkloadSpec;
  const service = release.find('Service', serviceName);
  if (service === undefined) return [`${idOf(set)}: its Service ${serviceName || '(none)'} is not there`];
  const { clusterIP, selector = {} } = service.spec as ServiceSpec;
  const problems: string[] = [];
  if (clusterIP !== 'None') problems.push(`${idOf(set)}: its Service ${serviceName} is not headless`);
  if (!hasLabels(template.metadata?.labels ?? {}, selector)) {
    problems.push(`${idOf(set)}: its Service ${serviceName} does not select its pods`);
  }
  return problems;
}

function podMonitorProblems(release: Release, monitor: Manifest): string[] {
  const spec = monitor.spec as { selector: LabelSelector; podMetricsEndpoints?: { port: string }[] };
  const pods = selectedPods(release, spec.selector);
  if (pods.length === 0) return [`${idOf(monitor)}: selects no pod`];
  return pods.flatMap((pod) =>
    (spec.podMetricsEndpoints ?? [])
      .filter(({ port }) => portOf(pod, port) === undefined)
      .map(({ port }) => `${idOf(monitor)}: no container of ${pod.id} names port ${port}`),
  );
}

function serviceMonitorProblems(release: Release, monitor: Manifest): string[] {
  const spec = monitor.spec as { selector: LabelSelector; endpoints?: { port: string }[] };
  const services = release.ofKind('Service').filter(({ metadata }) => matches(spec.selector, metadata.labels ?? {}));
  if (services.length === 0) return [`${idOf(monitor)}: selects no Service`];
  return services.flatMap((service) => {
    const names = ((service.spec as ServiceSpec).ports ?? []).map(({ name }) => name);
    return (spec.endpoints ?? [])
      .filter(({ port }) => !names.includes(port))
      .map(({ port }) => `${idOf(monitor)}: ${idOf(service)} has no port ${port}`);
  });
}

function spreadProblems(pod: Pod): string[] {
  return (pod.spec.topologySpreadConstraints ?? [])
    .filter(({ labelSelector }) => labelSelector === undefined || !matches(labelSelector, pod.labels))
    .map(() => `${pod.id}: a topology spread constraint does not count its own pods`);
}

/** Pods of services: those of hooks come and go. */
function selectedPods({ pods }: Release, selector: LabelSelector): Pod[] {
  return pods.filter(({ isService, labels }) => isService && matches(selector, labels));
}
