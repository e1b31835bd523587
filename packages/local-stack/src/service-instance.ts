import { TcpProxy } from '@gatecast/shared/testing';
import { type ServiceName, ServiceProcess, type ServiceProcessOptions } from './service-process.ts';

export interface ServiceInstanceOptions extends Omit<ServiceProcessOptions, 'env'> {
  /** Its `GATECAST_INSTANCE`, such as `encoder-2`. */
  instance: string;
  /** Whose gateways a publisher serves. */
  fleet?: string | undefined;
  natsUrl: string;
  /** It reaches NATS through a proxy of its own. Not with several servers: a proxy has one target. */
  proxied: boolean;
  /** Its settings, without those that this class knows. */
  env: Record<string, string>;
}

/** One process of a service in a stack, with its own way to NATS. */
export class ServiceInstance {
  readonly name: ServiceName;
  readonly instance: string;
  /** Undefined: it is no publisher, or serves the default fleet. */
  readonly fleet: string | undefined;
  readonly process: ServiceProcess;
  readonly #proxy: TcpProxy | undefined;

  private constructor(options: ServiceInstanceOptions, process: ServiceProcess, proxy: TcpProxy | undefined) {
    this.name = options.name;
    this.instance = options.instance;
    this.fleet = options.fleet;
    this.process = process;
    this.#proxy = proxy;
  }

  /**
   * Resolves once the service says that it is ready.
   * @throws {TestingError} `PROCESS_EXITED` or `WAIT_TIMEOUT` when it does not; nothing is left then.
   */
  static async start(options: ServiceInstanceOptions): Promise<ServiceInstance> {
    const proxy = options.proxied ? await proxyTo(options.natsUrl) : undefined;
    const env: Record<string, string> = {
      ...options.env,
      GATECAST_NATS_URL: proxy ? `nats://${proxy.host}:${proxy.port}` : options.natsUrl,
      GATECAST_INSTANCE: options.instance,
      ...(options.fleet !== undefined && { GATECAST_FLEET: options.fleet }),
    };
    try {
      return new ServiceInstance(options, await ServiceProcess.start({ ...options, env }), proxy);
    } catch (error) {
      await proxy?.stop();
      throw error;
    }
  }

  /** @throws {TypeError} when the stack was not started with `proxied`. */
  get natsProxy(): TcpProxy {
    if (!this.#proxy) throw new TypeError('the stack was not started with proxies');
    return this.#proxy;
  }

  /** Asks the process to stop, kills it after `graceMs` (default 20,000), and ends its proxy. */
  async stop(options: { readonly graceMs?: number } = {}): ReturnType<ServiceProcess['stop']> {
    const exit = await this.process.stop(options);
    await this.#proxy?.stop();
    return exit;
  }
}

async function proxyTo(natsUrl: string): Promise<TcpProxy> {
  if (natsUrl.includes(',')) throw new TypeError('a proxy leads to one NATS server, not to a cluster');
  const { hostname, port } = new URL(natsUrl);
  return TcpProxy.start({ target: { host: hostname, port: Number(port || 4222) } });
}
