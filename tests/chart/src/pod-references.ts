import { containersOf, type Pod } from './release.ts';

/** Something that a pod cannot start without. */
export interface Reference {
  readonly kind: 'Secret' | 'ConfigMap' | 'ServiceAccount' | 'PersistentVolumeClaim';
  readonly name: string;
  /** In a Secret or ConfigMap. */
  readonly key?: string;
}

/** All of them; optional ones are left out. */
export function referencesOf(pod: Pod): Reference[] {
  return [...accountsOf(pod), ...volumesOf(pod), ...environmentOf(pod)];
}

function accountsOf({ spec }: Pod): Reference[] {
  const { serviceAccountName = 'default', imagePullSecrets = [] } = spec;
  return [
    ...(serviceAccountName === 'default' ? [] : [{ kind: 'ServiceAccount', name: serviceAccountName } as const]),
    ...imagePullSecrets.map(({ name }) => ({ kind: 'Secret', name }) as const),
  ];
}

interface Source {
  readonly name?: string;
  readonly secretName?: string;
  readonly items?: readonly { readonly key: string }[];
  readonly optional?: boolean;
}

function volumesOf({ spec }: Pod): Reference[] {
  return (spec.volumes ?? []).flatMap(({ secret, configMap, projected, persistentVolumeClaim }) => [
    ...fromSource('Secret', secret),
    ...fromSource('ConfigMap', configMap),
    ...(projected?.sources ?? []).flatMap((source) => [
      ...fromSource('Secret', source.secret),
      ...fromSource('ConfigMap', source.configMap),
    ]),
    ...(persistentVolumeClaim === undefined
      ? []
      : [{ kind: 'PersistentVolumeClaim', name: persistentVolumeClaim.claimName } as const]),
  ]);
}

function environmentOf(pod: Pod): Reference[] {
  return containersOf(pod).flatMap(({ env = [], envFrom = [] }) => [
    ...env.flatMap(({ valueFrom }) => [
      ...fromKey('Secret', valueFrom?.secretKeyRef),
      ...fromKey('ConfigMap', valueFrom?.configMapKeyRef),
    ]),
    ...envFrom.flatMap(({ secretRef, configMapRef }) => [
      ...fromSource('Secret', secretRef),
      ...fromSource('ConfigMap', configMapRef),
    ]),
  ]);
}

function fromSource(kind: 'Secret' | 'ConfigMap', source: Source | undefined): Reference[] {
  const name = source?.secretName ?? source?.name;
  if (name === undefined || source?.optional === true) return [];
  return [{ kind, name }, ...(source?.items ?? []).map(({ key }) => ({ kind, name, key }))];
}

function fromKey(
  kind: 'Secret' | 'ConfigMap',
  ref: { name: string; key: string; optional?: boolean } | undefined,
): Reference[] {
  return ref === undefined || ref.optional === true ? [] : [{ kind, name: ref.name, key: ref.key }];
}
