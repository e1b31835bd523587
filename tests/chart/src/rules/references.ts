import type { Manifest, ServiceSpec } from '../kubernetes.ts';
import { type Reference, referencesOf } from '../pod-references.ts';
import { containersOf, type Hook, hookOf, idOf, keysOf, type Pod, type Release } from '../release.ts';
import type { Rule } from '../rule.ts';

/**
 * What is referred to is in the release, or declared to be there before it; and what a hook needs is there when the hook
 * runs: a pre-install hook comes before everything that is no hook.
 */
export const references: Rule = (release) => [
  ...release.pods.flatMap((pod) => [
    ...referencesOf(pod).flatMap((reference) => problemOf(release, pod, reference)),
    ...mountProblems(pod),
  ]),
  ...release.ofKind('Ingress').flatMap((ingress) => ingressProblems(release, ingress)),
  ...release.ofKind('HTTPRoute').flatMap((route) => routeProblems(release, route)),
  ...release.ofKind('RoleBinding').flatMap((binding) => bindingProblems(release, binding)),
];

function problemOf(release: Release, pod: Pod, { kind, name, key }: Reference): string[] {
  if (release.isExternal(kind, name)) return [];
  const target = release.find(kind, name);
  if (target === undefined) return [`${pod.id}: needs ${kind}/${name}, which is not there`];
  if (key !== undefined && !keysOf(target).includes(key)) {
    return [`${pod.id}: needs ${key} of ${kind}/${name}, which has ${keysOf(target).join(', ') || 'nothing'}`];
  }
  const early = tooEarly(hookOf(pod.owner), hookOf(target));
  return early ? [`${pod.id}: runs before ${kind}/${name} is there`] : [];
}

function tooEarly(hook: Hook | undefined, needed: Hook | undefined): boolean {
  if (hook === undefined) return false;
  const isEarly = hook.events.includes('pre-install');
  if (!isEarly) return false;
  return needed === undefined || !needed.events.includes('pre-install') || needed.weight > hook.weight;
}

function mountProblems(pod: Pod): string[] {
  const volumes = (pod.spec.volumes ?? []).map(({ name }) => name);
  const { volumeClaimTemplates = [] } = (pod.owner.spec ?? {}) as {
    volumeClaimTemplates?: readonly { metadata: { name: string } }[];
  };
  const known = new Set([...volumes, ...volumeClaimTemplates.map(({ metadata }) => metadata.name)]);
  const mounted = new Set<string>();
  const problems = containersOf(pod).flatMap(({ name, volumeMounts = [] }) => {
    const paths = new Set<string>();
    return volumeMounts.flatMap((mount) => {
      mounted.add(mount.name);
      const repeated = paths.has(mount.mountPath);
      paths.add(mount.mountPath);
      return [
        ...(known.has(mount.name) ? [] : [`${pod.id}: container ${name} mounts ${mount.name}, which is no volume`]),
        ...(repeated ? [`${pod.id}: container ${name} mounts two volumes at ${mount.mountPath}`] : []),
      ];
    });
  });
  const unused = [...known].filter((name) => !mounted.has(name)).map((name) => `${pod.id}: nobody mounts ${name}`);
  return [...problems, ...unused];
}

interface IngressSpec {
  readonly tls?: readonly { readonly secretName?: string }[];
  readonly rules?: readonly {
    readonly http?: {
      readonly paths: readonly {
        readonly backend: {
          readonly service?: {
            readonly name: string;
            readonly port: { readonly name?: string; readonly number?: number };
          };
        };
      }[];
    };
  }[];
}

function ingressProblems(release: Release, ingress: Manifest): string[] {
  const { rules = [], tls = [] } = ingress.spec as IngressSpec;
  const backends = rules.flatMap(({ http }) => (http?.paths ?? []).map(({ backend }) => backend.service));
  const isIssued = Object.keys(ingress.metadata.annotations ?? {}).some((key) => key.startsWith('cert-manager.io/'));
  const secrets = isIssued ? [] : tls.flatMap(({ secretName }) => (secretName === undefined ? [] : [secretName]));
  return [
    ...backends.flatMap((service) =>
      service === undefined
        ? [`${idOf(ingress)}: has a backend that is no Service`]
        : backendProblems(release, ingress, service.name, service.port.name ?? service.port.number),
    ),
    ...secrets
      .filter((name) => !release.isExternal('Secret', name) && release.find('Secret', name) === undefined)
      .map((name) => `${idOf(ingress)}: needs Secret/${name}, which is not there`),
  ];
}

function routeProblems(release: Release, route: Manifest): string[] {
  const { rules = [] } = route.spec as { rules?: { backendRefs?: { name: string; port?: number }[] }[] };
  return rules
    .flatMap(({ backendRefs = [] }) => backendRefs)
    .flatMap(({ name, port }) => backendProblems(release, route, name, port));
}

function backendProblems(release: Release, route: Manifest, name: string, port: string | number | undefined): string[] {
  const service = release.find('Service', name);
  if (service === undefined) return [`${idOf(route)}: its backend Service/${name} is not there`];
  const ports = (service.spec as ServiceSpec).ports ?? [];
  if (ports.some((entry) => entry.name === port || entry.port === port)) return [];
  return [`${idOf(route)}: Service/${name} has no port ${port}`];
}

function bindingProblems(release: Release, binding: Manifest): string[] {
  const { roleRef, subjects = [] } = binding as unknown as {
    roleRef: { kind: string; name: string };
    subjects?: { kind: string; name: string }[];
  };
  return [roleRef, ...subjects]
    .filter(({ kind, name }) => kind !== 'ClusterRole' && release.find(kind, name) === undefined)
    .map(({ kind, name }) => `${idOf(binding)}: binds ${kind}/${name}, which is not there`);
}
