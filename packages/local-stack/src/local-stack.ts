import { NatsServer, type NatsServerOptions, type ProcessExit, TcpProxy, TempDir } from '@gatecast/shared/testing';
import { ApiClient } from './api-client.ts';
import { GatewayClient, type NewGateway } from './gateway-client.ts';
import { IngestClient } from './ingest-client.ts';
import { SERVICE_NAMES, type ServiceName, ServiceProcess } from './service-process.ts';
import { createSecrets, environments, type StackSettings } from './stack-settings.ts';

export interface LocalStackOptions extends StackSettings {
  /** A server that runs already; it is left running. Default: one is started. */
  natsUrl?: string;
  /** Of the server that is started. */
  nats?: NatsServerOptions;
  /** The services reach NATS through a proxy, which can misbehave. Default false. */
  proxied?: boolean;
  /** Flags of Node, such as `--cpu-prof`. */
  nodeFlags?: Partial<Record<ServiceName, readonly string[]>>;
  /** Gets every line of every log, restarts included. */
  onLine?: (process: ServiceName | 'nats-server', line: string) => void;
  /** Gives up the start: what has started is stopped, and {@link LocalStack.start} fails. */
  signal?: AbortSignal;
}

export interface StopOptions {
  /** How long each service may take before it is killed, ms. Default 20,000. */
  graceMs?: number;
}

type Services = Record<ServiceName, ServiceProcess>;

interface Infrastructure {
  dir: TempDir;
  /** Undefined when it is not ours. */
  nats: NatsServer | undefined;
  natsProxy: TcpProxy | undefined;
  natsUrl: string;
}

/** In this order: whoever brings work in stops first. */
const STOP_ORDER: readonly ServiceName[] = ['sensor-ingest', 'encoder', 'mqtt-publisher', 'config-api'];

/**
 * The whole system on one machine, as processes of their own, from the sources, on free ports of 127.0.0.1. Nothing of
 * it outlives this process. Restarts keep the ports.
 */
export class LocalStack {
  readonly services: Readonly<Services>;
  readonly api: ApiClient;
  readonly apiKey: string;
  readonly ingest: IngestClient;
  readonly #infrastructure: Infrastructure;
  #stopping: Promise<Map<ServiceName, ProcessExit>> | undefined;

  private constructor(services: Services, infrastructure: Infrastructure, apiKey: string) {
    this.services = services;
    this.#infrastructure = infrastructure;
    this.apiKey = apiKey;
    this.api = new ApiClient({ baseUrl: services['config-api'].httpUrl, apiKey });
    this.ingest = new IngestClient(services['sensor-ingest'].httpUrl);
  }

  /**
   * Resolves once every service is ready.
   * @throws {TestingError} `BINARY_NOT_FOUND`, `SERVER_TOO_OLD`, or what a process said that did not start; whatever had
   * started is stopped then.
   */
  static async start(options: LocalStackOptions = {}): Promise<LocalStack> {
    const started: Partial<Services> = {};
    const infrastructure: Infrastructure = {
      dir: await TempDir.create('stack'),
      nats: undefined,
      natsProxy: undefined,
      natsUrl: '',
    };
    try {
      await startNats(options, infrastructure);
      const secrets = await createSecrets(infrastructure.dir.path);
      const env = environments(options, infrastructure.natsUrl, secrets);
      const startService = async (name: ServiceName) => {
        const { nodeFlags, onLine, signal } = options;
        signal?.throwIfAborted();
        started[name] = await ServiceProcess.start({
          name,
          env: env[name],
          nodeFlags: nodeFlags?.[name] ?? [],
          ...(onLine && { onLine: (line: string) => onLine(name, line) }),
          ...(signal && { signal }),
        });
      };
      await startService('config-api'); // it makes the streams and buckets that the others wait for
      const others = SERVICE_NAMES.filter((name) => name !== 'config-api').map(startService);
      const failed = (await Promise.allSettled(others)).find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
      return new LocalStack(started as Services, infrastructure, secrets.apiKey);
    } catch (error) {
      await stopAll(started, infrastructure, {});
      throw error;
    }
  }

  /** @throws {TypeError} when the server is not ours. */
  get nats(): NatsServer {
    const { nats } = this.#infrastructure;
    if (!nats) throw new TypeError('the stack was started with a NATS server that runs elsewhere');
    return nats;
  }

  /** @throws {TypeError} when the stack was not started with `proxied`. */
  get natsProxy(): TcpProxy {
    const { natsProxy } = this.#infrastructure;
    if (!natsProxy) throw new TypeError('the stack was not started with a proxy');
    return natsProxy;
  }

  /** Where the services reach NATS. */
  get natsUrl(): string {
    return this.#infrastructure.natsUrl;
  }

  /**
   * Registers a gateway and saves its integration.
   * @throws {ApiError}
   */
  registerGateway(gateway: NewGateway): Promise<GatewayClient> {
    return GatewayClient.register(gateway, this.api, this.ingest);
  }

  /** Stops everything, in order, and tells how each service ended. Repeated calls return the same promise. */
  stop(options: StopOptions = {}): Promise<Map<ServiceName, ProcessExit>> {
    this.#stopping ??= stopAll(this.services, this.#infrastructure, options);
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

async function startNats(options: LocalStackOptions, infrastructure: Infrastructure): Promise<void> {
  const { onLine } = options;
  infrastructure.natsUrl = options.natsUrl ?? '';
  if (options.natsUrl === undefined) {
    infrastructure.nats = await NatsServer.start({
      ...options.nats,
      ...(onLine && { onLine: (line: string) => onLine('nats-server', line) }),
    });
    infrastructure.natsUrl = infrastructure.nats.url;
  }
  if (!options.proxied) return;
  const url = new URL(infrastructure.natsUrl);
  const target = { host: url.hostname, port: Number(url.port || 4222) };
  infrastructure.natsProxy = await TcpProxy.start({ target });
  infrastructure.natsUrl = `nats://${infrastructure.natsProxy.host}:${infrastructure.natsProxy.port}`;
}

async function stopAll(
  services: Partial<Services>,
  { dir, nats, natsProxy }: Infrastructure,
  options: StopOptions,
): Promise<Map<ServiceName, ProcessExit>> {
  const exits = new Map<ServiceName, ProcessExit>();
  for (const name of STOP_ORDER) {
    const exit = await services[name]?.stop(options);
    if (exit) exits.set(name, exit);
  }
  await natsProxy?.stop();
  await nats?.stop();
  await dir.remove();
  return exits;
}
