import type { Container, EnvVariable } from './kubernetes.ts';
import { contentOf, type Pod, type Release } from './release.ts';

/** What stands in for the content of a Secret that is not in the release. */
export const UNKNOWN_SECRET = 'x'.repeat(64);

/** The variables of a container as the kubelet would set them, for a pod with a plausible name. */
export function environmentOf(release: Release, pod: Pod, container: Container): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const source =
      configMapRef === undefined
        ? release.find('Secret', secretRef?.name ?? '')
        : release.find('ConfigMap', configMapRef.name);
    for (const key of Object.keys({ ...source?.data, ...source?.stringData })) {
      if (source !== undefined) env[prefix + key] = contentOf(source, key) ?? '';
    }
  }
  for (const variable of container.env ?? []) env[variable.name] = expand(valueOfVariable(release, pod, variable), env);
  return env;
}

/** A name that the pod could have. */
export function podNameOf(pod: Pod): string {
  const { kind, metadata } = pod.owner;
  if (kind === 'Pod') return metadata.name;
  return kind === 'StatefulSet' ? `${metadata.name}-0` : `${metadata.name}-5d8f9c7b6d-x7k2p`;
}

function valueOfVariable(release: Release, pod: Pod, { value = '', valueFrom }: EnvVariable): string {
  if (valueFrom === undefined) return value;
  const { fieldRef, secretKeyRef, configMapKeyRef } = valueFrom;
  if (fieldRef !== undefined) return fieldOf(pod, fieldRef.fieldPath);
  const kind = secretKeyRef === undefined ? 'ConfigMap' : 'Secret';
  const ref = secretKeyRef ?? configMapKeyRef;
  if (ref === undefined) return '1';
  const source = release.find(kind, ref.name);
  return (source && contentOf(source, ref.key)) ?? UNKNOWN_SECRET;
}

function fieldOf(pod: Pod, path: string): string {
  if (path === 'metadata.name') return podNameOf(pod);
  if (path === 'metadata.namespace') return 'gatecast';
  if (/^(status\.(podIP|hostIP))$/.test(path)) return '10.0.0.7';
  return 'node-1';
}

/** `$(NAME)` of a variable that was set before; `$$(NAME)` is left as text. */
function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$(\$?)\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (whole, escaped: string, name: string) =>
    escaped === '$' ? whole.slice(1) : (env[name] ?? whole),
  );
}

/** What a container finds under a path. */
export type MountedFile =
  | { readonly state: 'present'; readonly content: string }
  /** In a Secret or ConfigMap that is declared to exist outside of the release. */
  | { readonly state: 'external' }
  | { readonly state: 'missing'; readonly reason: string };

export function fileAt(release: Release, pod: Pod, container: Container, path: string): MountedFile {
  const mount = (container.volumeMounts ?? [])
    .filter(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath.replace(/\/$/, '')}/`))
    .sort((one, other) => other.mountPath.length - one.mountPath.length)[0];
  const volume = (pod.spec.volumes ?? []).find(({ name }) => name === mount?.name);
  if (mount === undefined || volume === undefined) return { state: 'missing', reason: 'no volume is mounted there' };
  const below = path.slice(mount.mountPath.replace(/\/$/, '').length + 1);
  const file = mount.subPath ?? below;
  const { secret, configMap, projected } = volume;
  const sources = [
    ...(secret === undefined ? [] : [{ kind: 'Secret', name: secret.secretName, items: secret.items }]),
    ...(configMap === undefined ? [] : [{ kind: 'ConfigMap', name: configMap.name, items: configMap.items }]),
    ...(projected?.sources ?? []).flatMap((source) => [
      ...(source.secret === undefined ? [] : [{ kind: 'Secret', ...source.secret }]),
      ...(source.configMap === undefined ? [] : [{ kind: 'ConfigMap', ...source.configMap }]),
    ]),
  ];
  for (const { kind, name, items } of sources) {
    const key = items === undefined ? file : items.find((item) => item.path === file)?.key;
    if (key === undefined) continue;
    const object = release.find(kind, name);
    if (object === undefined && release.isExternal(kind, name)) return { state: 'external' };
    const content = object && contentOf(object, key);
    if (content !== undefined) return { state: 'present', content };
  }
  return { state: 'missing', reason: `volume ${volume.name} has no ${file}` };
}
