import { ApiError } from '@gatecast/local-stack';
import type {
  ApiAnswer,
  ApiRequest,
  DriverMethods,
  GatewaySetup,
  OpenRun,
  Progress,
  Verdict,
  VerdictRequest,
} from './protocol.ts';
import { Run } from './run.ts';

/** What the runner asks for, of one run at a time. */
export class Driver implements DriverMethods {
  #run: Run | undefined;

  async open(options: OpenRun): Promise<void> {
    const former = this.#run;
    this.#run = undefined;
    await former?.close();
    this.#run = await Run.open(options);
  }

  async register({ gateways, timeoutMs }: { gateways: readonly GatewaySetup[]; timeoutMs: number }): Promise<void> {
    await this.#current.gateways.register(gateways, timeoutMs);
  }

  async start({ group }: { group?: string } = {}): Promise<void> {
    this.#current.start(group);
  }

  async stop({ group }: { group?: string } = {}): Promise<void> {
    await this.#current.stop(group);
  }

  async flowing({ more, group, timeoutMs }: { more: number; group?: string; timeoutMs: number }): Promise<void> {
    await this.#current.flowing(more, timeoutMs, group);
  }

  async allArrived({ group, timeoutMs }: { group?: string; timeoutMs: number }): Promise<void> {
    await this.#current.allArrived(timeoutMs, group);
  }

  async connected({ group, timeoutMs }: { group?: string; timeoutMs: number }): Promise<void> {
    await this.#current.gateways.connected(timeoutMs, group);
  }

  async phase({ name }: { name: string }): Promise<void> {
    this.#current.phase(name);
  }

  async progress(): Promise<Progress> {
    return this.#current.progress();
  }

  async owners(): Promise<Record<string, string | undefined>> {
    const statuses = await this.#current.gateways.statuses();
    return Object.fromEntries(statuses.map(([gatewayId, { owner }]) => [gatewayId, owner?.instance]));
  }

  async move(request: { gatewayIds: readonly string[]; fleet: string; timeoutMs: number }): Promise<void> {
    await this.#current.gateways.move(request.gatewayIds, request.fleet, request.timeoutMs);
  }

  async verdict(request: VerdictRequest): Promise<Verdict> {
    return this.#current.verdict(request);
  }

  async unregister(): Promise<void> {
    await this.#current.gateways.unregister();
  }

  async api({ method, path, body, headers = {} }: ApiRequest): Promise<ApiAnswer> {
    try {
      const { value } = await this.#current.api.request(method, path, { body, headers });
      return { status: 200, body: value ?? null };
    } catch (error) {
      if (error instanceof ApiError)
        return { status: error.status, body: { code: error.code, message: error.message } };
      throw error;
    }
  }

  /** Ends the run that there is. */
  async close(): Promise<void> {
    await this.#run?.close();
    this.#run = undefined;
  }

  get #current(): Run {
    if (this.#run === undefined) throw new TypeError('no run is open');
    return this.#run;
  }
}
