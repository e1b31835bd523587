import { DEFAULT_PARTITIONS } from '@gatecast/shared/model';
import {
  type NatsCluster,
  type NatsCredentials,
  type NatsServer,
  type NatsUsers,
  type ProcessExit,
  TempDir,
} from '@gatecast/shared/testing';
import { ApiClient } from './api-client.ts';
import { GatewayClient, type NewGateway } from './gateway-client.ts';
import { IngestClient } from './ingest-client.ts';
import { ServiceInstance } from './service-instance.ts';
import { SERVICE_NAMES, type ServiceName, type ServiceProcess } from './service-process.ts';
import { settledOwnership } from './settled-ownership.ts';
import { type StackNats, type StackNatsOptions, startNats } from './stack-nats.ts';
import { createSecrets, type Env, environments, type StackSettings } from './stack-settings.ts';

export interface LocalStackOptions extends StackSettings, StackNatsOptions {
  /** How many processes of a service there are at the start. Default 1 of each. */
  instances?: Partial<Record<ServiceName, number>>;
  /** Each process reaches NATS through a proxy of its own, which can misbehave. Default false. */
  proxied?: boolean;
  /** Flags of Node, such as `--cpu-prof`. */
  nodeFlags?: Partial<Record<ServiceName, readonly string[]>>;
  /** Runs what `npm run build` made, as images do. Default: the sources. */
  built?: boolean;
  /** Gets every line of every log, restarts included. Instances are `encoder-2`, or `nats-1` in a cluster. */
  onLine?: (process: ServiceName | 'nats-server', line: string, instance: string) => void;
  /** Gives up the start: what has started is stopped, and {@link LocalStack.start} fails. */
  signal?: AbortSignal;
}

export interface InstanceOptions {
  /** Of a publisher. Default: the default fleet. The fleet must be there. */
  fleet?: string;
  /** Settings of its own; go before everything else. */
  env?: Env;
  /** Flags of Node. Default: those that the stack was started with for this service. */
  nodeFlags?: readonly string[];
}

export interface StopOptions {
  /** How long each process may take before it is killed, ms. Default 20,000. */
  graceMs?: number;
}

/** In this order: whoever brings work in stops first. */
const STOP_ORDER: readonly ServiceName[] = ['sensor-ingest', 'encoder', 'mqtt-publisher', 'config-api'];

/** What every instance is started with. */
interface Launch {
  options: LocalStackOptions;
  dir: TempDir;
  nats: StackNats;
  env: Record<ServiceName, Env>;
  /** How many there have been, by service. */
  counts: Map<ServiceName, number>;
  /** Those that run, in the order they were started. */
  instances: ServiceInstance[];
}

/**
 * The whole system on one machine, as processes of their own, on free ports of 127.0.0.1. Nothing of
 * it outlives this process. Restarts keep the ports.
 */
export class LocalStack {
  /** The first process of each service. */
  readonly services: Readonly<Record<ServiceName, ServiceProcess>>;
  readonly api: ApiClient;
  readonly apiKey: string;
  /** Of the first sensor-ingest. */
  readonly ingest: IngestClient;
  readonly #launch: Launch;
  #stopping: Promise<Map<string, ProcessExit>> | undefined;

  private constructor(launch: Launch, apiKey: string) {
    this.#launch = launch;
    this.services = firstOfEach(launch.instances);
    this.apiKey = apiKey;
    this.api = new ApiClient({ baseUrl: this.services['config-api'].httpUrl, apiKey });
    this.ingest = new IngestClient(this.services['sensor-ingest'].httpUrl);
  }

  /**
   * Resolves once every process is ready.
   * @throws {TestingError} `BINARY_NOT_FOUND`, `SERVER_TOO_OLD`, or what a process said that did not start; whatever had
   * started is stopped then.
   */
  static async start(options: LocalStackOptions = {}): Promise<LocalStack> {
    const dir = await TempDir.create('stack');
    let launch: Launch | undefined;
    try {
      const nats = await startNats(options, dir.path, (server, line) => options.onLine?.('nats-server', line, server));
      launch = { options, dir, nats, env: emptyEnvironments(), counts: new Map(), instances: [] };
      const secrets = await createSecrets(dir.path);
      launch.env = environments({ replicas: options.natsServers ?? 1, ...options }, secrets);
      await startAll(launch);
      return new LocalStack(launch, secrets.apiKey);
    } catch (error) {
      if (launch) await stopAll(launch, {});
      else await dir.remove();
      throw error;
    }
  }

  /** The processes that belong to the stack, in the order they were started; killed ones included. */
  get instances(): readonly ServiceInstance[] {
    return this.#launch.instances;
  }

  instancesOf(name: ServiceName): ServiceInstance[] {
    return this.instances.filter((instance) => instance.name === name);
  }

  /**
   * Resolves once every partition is with the publisher and the encoder that should have it.
   * @throws {TestingError} `WAIT_TIMEOUT`
   */
  settledOwnership(): Promise<void> {
    const owners = [...this.instancesOf('mqtt-publisher'), ...this.instancesOf('encoder')];
    return settledOwnership(owners, this.#launch.options.partitions ?? DEFAULT_PARTITIONS);
  }

  /** One more process of a service. Resolves once it is ready. @throws {TestingError} as {@link LocalStack.start} */
  addInstance(name: ServiceName, options: InstanceOptions = {}): Promise<ServiceInstance> {
    return startInstance(this.#launch, name, options);
  }

  /** Stops one process, which then belongs to the stack no more. */
  async removeInstance(instance: ServiceInstance, options: StopOptions = {}): Promise<ProcessExit> {
    const { instances } = this.#launch;
    const position = instances.indexOf(instance);
    if (position >= 0) instances.splice(position, 1);
    return instance.stop(options);
  }

  /** @throws {TypeError} when there is no single server that is ours. */
  get nats(): NatsServer {
    const { server } = this.#launch.nats;
    if (!server) throw new TypeError('the stack was not started with one NATS server of its own');
    return server;
  }

  /** @throws {TypeError} when the stack was not started with several `natsServers`. */
  get natsCluster(): NatsCluster {
    const { cluster } = this.#launch.nats;
    if (!cluster) throw new TypeError('the stack was not started with a NATS cluster');
    return cluster;
  }

  /** Where NATS is, not through a proxy. */
  get natsUrl(): string {
    return this.#launch.nats.url;
  }

  /** How to connect to it as one who may do everything; for `connectNats`. */
  get natsAccess(): { natsUrl: string } & Partial<NatsCredentials> {
    return { natsUrl: this.natsUrl, ...this.natsUsers?.credentials('admin') };
  }

  /** Who may do what on it. Undefined: it is somebody else's, and everybody may do everything. */
  get natsUsers(): NatsUsers | undefined {
    return this.#launch.nats.users;
  }

  /**
   * Registers a gateway and saves its integration.
   * @throws {ApiError}
   */
  registerGateway(gateway: NewGateway): Promise<GatewayClient> {
    return GatewayClient.register(gateway, this.api, this.ingest);
  }

  /** Stops everything, in order, and tells how each process ended. Repeated calls return the same promise. */
  stop(options: StopOptions = {}): Promise<Map<string, ProcessExit>> {
    this.#stopping ??= stopAll(this.#launch, options);
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

async function startAll(launch: Launch): Promise<void> {
  const { options } = launch;
  await startInstance(launch, 'config-api'); // it makes the streams and buckets that the others wait for
  const others = SERVICE_NAMES.flatMap((name) => {
    const count = (options.instances?.[name] ?? 1) - (name === 'config-api' ? 1 : 0);
    return Array.from({ length: count }, () => startInstance(launch, name));
  });
  const failed = (await Promise.allSettled(others)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

async function startInstance(
  launch: Launch,
  name: ServiceName,
  { fleet, env = {}, nodeFlags }: InstanceOptions = {},
): Promise<ServiceInstance> {
  const { options, nats, counts, instances } = launch;
  const { onLine, signal, proxied = false, built = false } = options;
  signal?.throwIfAborted();
  const number = (counts.get(name) ?? 0) + 1;
  counts.set(name, number);
  const instance = `${name}-${number}`;
  const started = await ServiceInstance.start({
    name,
    instance,
    fleet,
    natsUrl: nats.url,
    proxied,
    built,
    env: { ...nats.users?.env(name), ...launch.env[name], ...env },
    nodeFlags: nodeFlags ?? options.nodeFlags?.[name] ?? [],
    ...(onLine && { onLine: (line: string) => onLine(name, line, instance) }),
    ...(signal && { signal }),
  });
  instances.push(started);
  return started;
}

async function stopAll({ instances, nats, dir }: Launch, options: StopOptions): Promise<Map<string, ProcessExit>> {
  const exits = new Map<string, ProcessExit>();
  for (const name of STOP_ORDER) {
    const ending = instances
      .filter((instance) => instance.name === name)
      .map(async (instance) => exits.set(instance.instance, await instance.stop(options)));
    await Promise.all(ending);
  }
  await nats.stop();
  await dir.remove();
  return exits;
}

/** `encoder-1` before `encoder-2`, however fast they started. */
function firstOfEach(instances: readonly ServiceInstance[]): Record<ServiceName, ServiceProcess> {
  const first = (name: ServiceName) => instances.find(({ instance }) => instance === `${name}-1`)?.process;
  return Object.fromEntries(SERVICE_NAMES.map((name) => [name, first(name)])) as Record<ServiceName, ServiceProcess>;
}

function emptyEnvironments(): Record<ServiceName, Env> {
  return Object.fromEntries(SERVICE_NAMES.map((name) => [name, {}])) as Record<ServiceName, Env>;
}
