import { parseAllDocuments } from 'yaml';
import type { Container, ContainerPort, Labels, Manifest, PodSpec, PodTemplate, WorkloadSpec } from './kubernetes.ts';

/** A pod that the release makes, or lets a controller make. */
export interface Pod {
  /** What it comes from: `Deployment/gatecast-encoder`. */
  readonly id: string;
  readonly owner: Manifest;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly spec: PodSpec;
  /** Of a Deployment, StatefulSet or DaemonSet: it runs until it is stopped. */
  readonly isService: boolean;
}

/** When Helm makes an object; undefined: with the release itself. */
export interface Hook {
  readonly events: readonly string[];
  readonly weight: number;
}

/** What `helm template` has printed, hooks included. */
export class Release {
  readonly manifests: readonly Manifest[];
  readonly pods: readonly Pod[];
  readonly #externals: ReadonlySet<string>;

  /** @param externals what the release expects to be there already, as `Secret/name` */
  constructor(manifests: readonly Manifest[], externals: readonly string[] = []) {
    this.manifests = manifests;
    this.pods = manifests.flatMap(podOf);
    this.#externals = new Set(externals);
  }

  /** @throws {Error} for a document that is not a Kubernetes object, or is not YAML */
  static parse(text: string, externals: readonly string[] = []): Release {
    const documents = parseAllDocuments(text, { uniqueKeys: true });
    if (!Array.isArray(documents)) return new Release([], externals);
    const manifests = documents.flatMap((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw error;
      const object: unknown = document.toJS();
      if (object === null) return [];
      if (!isManifest(object)) throw new Error(`not a Kubernetes object: ${JSON.stringify(object).slice(0, 200)}`);
      return [object];
    });
    return new Release(manifests, externals);
  }

  ofKind(...kinds: readonly string[]): Manifest[] {
    return this.manifests.filter(({ kind }) => kinds.includes(kind));
  }

  find(kind: string, name: string): Manifest | undefined {
    return this.manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  }

  isExternal(kind: string, name: string): boolean {
    return this.#externals.has(`${kind}/${name}`);
  }
}

export function idOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.name}`;
}

export function hookOf({ metadata }: Manifest): Hook | undefined {
  const events = metadata.annotations?.['helm.sh/hook'];
  if (events === undefined) return undefined;
  const weight = Number(metadata.annotations?.['helm.sh/hook-weight'] ?? 0);
  return { events: events.split(',').map((event) => event.trim()), weight };
}

export function containersOf(pod: Pod): Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}

/** Where a container listens under this name or number. */
export function portOf(pod: Pod, port: number | string): ContainerPort | undefined {
  const ports = containersOf(pod).flatMap((container) => container.ports ?? []);
  return ports.find(({ name, containerPort }) => port === name || port === containerPort);
}

/** Keys of a ConfigMap or Secret. */
export function keysOf(manifest: Manifest): string[] {
  return Object.keys({ ...manifest.data, ...manifest.stringData, ...manifest.binaryData });
}

/** The text under a key of a ConfigMap or Secret. */
export function contentOf(manifest: Manifest, key: string): string | undefined {
  const plain = manifest.stringData?.[key];
  if (plain !== undefined) return plain;
  const data = manifest.data?.[key];
  if (data === undefined || manifest.kind === 'ConfigMap') return data;
  return Buffer.from(data, 'base64').toString('utf8');
}

function podOf(owner: Manifest): Pod[] {
  const found = templateOf(owner);
  if (found === undefined) return [];
  const { template, isService } = found;
  const { labels = {}, annotations = {} } = template.metadata ?? {};
  return [{ id: idOf(owner), owner, labels, annotations, spec: template.spec, isService }];
}

function templateOf(owner: Manifest): { template: PodTemplate; isService: boolean } | undefined {
  switch (owner.kind) {
    case 'Deployment':
    case 'StatefulSet':
    case 'DaemonSet':
      return { template: (owner.spec as WorkloadSpec).template, isService: true };
    case 'Job':
      return { template: (owner.spec as { template: PodTemplate }).template, isService: false };
    case 'CronJob': {
      const spec = owner.spec as { jobTemplate: { spec: { template: PodTemplate } } };
      return { template: spec.jobTemplate.spec.template, isService: false };
    }
    case 'Pod':
      return { template: { metadata: owner.metadata, spec: owner.spec as PodSpec }, isService: false };
    default:
      return undefined;
  }
}

function isManifest(object: unknown): object is Manifest {
  if (typeof object !== 'object' || object === null) return false;
  const { apiVersion, kind, metadata } = object as Partial<Manifest>;
  return typeof apiVersion === 'string' && typeof kind === 'string' && typeof metadata?.name === 'string';
}
