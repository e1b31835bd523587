import { waitFor } from '@gatecast/shared/testing';
import { Helm, type ReleaseValues } from '../cluster/helm.ts';
import type { KubeApi } from '../cluster/kube-api.ts';
import { Namespace } from '../cluster/namespace.ts';
import type { Pod } from '../cluster/resources.ts';
import { type E2eEnvironment, isAddress } from '../environment.ts';
import type { Broker } from '../testbed/testbed.ts';
import { API_KEY_SECRET, HTTP_PORT, type Labels, podsOf, RELEASE, type Service } from './selectors.ts';

/** Values files beyond `base`. */
export type Profile = readonly string[];

const HELM_TIMEOUT_MS = 300_000;
const READY_TIMEOUT_MS = 300_000;

/** The release under test. */
export class Release {
  readonly namespace: Namespace;
  readonly #environment: E2eEnvironment;
  readonly #helm: Helm;
  readonly #set: Readonly<Record<string, unknown>>;
  #profile: Profile | undefined;

  constructor(namespace: string, api: KubeApi, environment: E2eEnvironment, set: Readonly<Record<string, unknown>>) {
    this.namespace = new Namespace(namespace, api);
    this.#environment = environment;
    this.#helm = new Helm(RELEASE, namespace);
    this.#set = set;
  }

  /** With which values it is installed; undefined when it is not. */
  get profile(): Profile | undefined {
    return this.#profile;
  }

  get apiUrl(): string {
    return this.#urlOf('config-api');
  }

  get ingestUrl(): string {
    return this.#urlOf('sensor-ingest');
  }

  /** Into a new namespace, or into the one that is left of it. Resolves when Helm has handed everything in. */
  async install(profile: Profile, { fresh }: { fresh: boolean }): Promise<void> {
    if (fresh) await this.namespace.create();
    await this.#helm.install(this.#values(profile), { wait: false, timeoutMs: HELM_TIMEOUT_MS });
    this.#profile = profile;
  }

  /** Resolves when everything is ready. */
  async upgrade(profile: Profile, tag = this.#environment.tag): Promise<void> {
    await this.#helm.upgrade(this.#values(profile, tag), { wait: true, timeoutMs: HELM_TIMEOUT_MS });
    this.#profile = profile;
    await this.ready();
  }

  /** To the revision before, whose values are those of `profile`. Resolves when everything is ready. */
  async rollback(): Promise<void> {
    await this.#helm.rollback({ wait: true, timeoutMs: HELM_TIMEOUT_MS });
    await this.ready();
  }

  /** Leaves the namespace. */
  async uninstall(): Promise<void> {
    await this.#helm.uninstall({ wait: true, timeoutMs: HELM_TIMEOUT_MS });
    this.#profile = undefined;
  }

  test(): Promise<string> {
    return this.#helm.test(HELM_TIMEOUT_MS);
  }

  /** It may not be what `profile` says: the next one is installed anew. */
  doubt(): void {
    this.#profile = undefined;
  }

  async remove(): Promise<void> {
    await this.namespace.delete();
    this.#profile = undefined;
  }

  /** Waits until every workload has its pods, and no former one is left. */
  async ready(): Promise<void> {
    await this.namespace.rolledOut(READY_TIMEOUT_MS);
  }

  /** Those that are ready. */
  pods(service: Service | 'nats', fleet?: string): Promise<Pod[]> {
    return this.namespace.readyPods(podsOf(service, fleet));
  }

  async podNames(service: Service | 'nats', fleet?: string): Promise<string[]> {
    return (await this.pods(service, fleet)).map(({ metadata }) => metadata.name);
  }

  /** A ready pod of a service. @throws {TypeError} when there is none */
  async pod(service: Service | 'nats', fleet?: string): Promise<string> {
    const [pod] = await this.pods(service, fleet);
    if (pod === undefined) throw new TypeError(`${service} has no pod that is ready`);
    return pod.metadata.name;
  }

  rolledOut(labels: Labels): Promise<void> {
    return this.namespace.rolledOut(READY_TIMEOUT_MS, labels);
  }

  /** The key that the chart has made, as soon as it is there. */
  async apiKey(): Promise<string> {
    const { name, key } = API_KEY_SECRET;
    const encoded = await waitFor(async () => (await this.namespace.secret(name))?.data?.[key], {
      timeoutMs: READY_TIMEOUT_MS,
      intervalMs: 200,
      describe: `the Secret ${name}`,
    });
    return Buffer.from(encoded, 'base64').toString().trim();
  }

  #urlOf(service: Service): string {
    return `http://${RELEASE}-${service}.${this.namespace.name}.svc.cluster.local:${HTTP_PORT}`;
  }

  #values(profile: Profile, tag = this.#environment.tag): ReleaseValues {
    const { registry, repository, natsImage, mosquittoImage } = this.#environment;
    const [natsRepository, natsTag] = splitTag(natsImage);
    const [mosquittoRepository, mosquittoTag] = splitTag(mosquittoImage);
    return {
      files: ['base', ...profile],
      set: {
        'image.registry': registry,
        'image.repository': repository,
        'image.tag': tag,
        'nats.bundled.image.repository': natsRepository,
        'nats.bundled.image.tag': natsTag,
        'tests.broker.image.repository': mosquittoRepository,
        'tests.broker.image.tag': mosquittoTag,
        ...this.#set,
      },
    };
  }
}

/** Which values let publishers connect to these brokers, some of them in a namespace of the cluster. */
export function brokerValues(brokers: ReadonlyMap<string, Broker>, namespace: string): Record<string, unknown> {
  const hosts = [...brokers.values()].map(({ host }) => host);
  return {
    'brokers.allowedHosts': hosts.filter((host) => !isAddress(host)),
    'brokers.inCluster': [{ namespace }],
    'brokers.allowedRanges': hosts.filter(isAddress).map((host) => `${host}/${host.includes(':') ? 128 : 32}`),
  };
}

/** `registry:5000/nats:2.15` is of the tag `2.15`. */
function splitTag(image: string): [string, string] {
  const colon = image.lastIndexOf(':');
  return colon > image.lastIndexOf('/') ? [image.slice(0, colon), image.slice(colon + 1)] : [image, 'latest'];
}
