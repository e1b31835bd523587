import { GatewayLoad, type IngestPort, seededRandom } from '@gatecast/delivery-check/load';
import { type ApiClient, ApiError, type StatusRead } from '@gatecast/local-stack';
import { waitFor } from '@gatecast/shared/testing';
import { inParallel } from './parallel.ts';
import type { GatewaySetup } from './protocol.ts';

export interface RunGateway {
  readonly setup: GatewaySetup;
  readonly load: GatewayLoad;
}

export interface GatewaysOptions {
  readonly api: ApiClient;
  readonly ingest: IngestPort;
  readonly seed: number;
}

const REQUESTS_AT_A_TIME = 10;
const POLL_MS = 250;
const CONFLICT = 409;

/** The gateways of a run, as their owner manages them over the API. */
export class Gateways {
  readonly all: RunGateway[] = [];
  readonly #options: GatewaysOptions;

  constructor(options: GatewaysOptions) {
    this.#options = options;
  }

  /** Those of a group, or all. */
  of(group: string | undefined): RunGateway[] {
    return group === undefined ? this.all : this.all.filter(({ setup }) => setup.group === group);
  }

  /** As soon as the API answers; resolves when all of them are connected. @throws {TestingError} `WAIT_TIMEOUT` */
  async register(setups: readonly GatewaySetup[], timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const remaining = () => Math.max(0, deadline - performance.now());
    const { ingest, seed } = this.#options;
    const registered = await inParallel(setups, REQUESTS_AT_A_TIME, async (setup): Promise<RunGateway> => {
      const { gatewayId, pace } = setup;
      const token = await waitFor(() => this.#registered(setup), {
        timeoutMs: remaining(),
        intervalMs: POLL_MS,
        describe: `${gatewayId} to be registered`,
      });
      const random = seededRandom(seed, gatewayId);
      const load = new GatewayLoad({ gatewayId, token, pace, random, ingests: () => [ingest] });
      return { setup, load };
    });
    this.all.push(...registered);
    const names = new Set(setups.map(({ gatewayId }) => gatewayId));
    await this.#areConnected((gatewayId) => names.has(gatewayId), names.size, remaining());
  }

  /** @throws {TestingError} `WAIT_TIMEOUT` */
  async connected(timeoutMs: number, group?: string): Promise<void> {
    const names = new Set(this.of(group).map(({ setup }) => setup.gatewayId));
    await this.#areConnected((gatewayId) => names.has(gatewayId), names.size, timeoutMs);
  }

  async statuses(): Promise<[string, StatusRead][]> {
    const { api } = this.#options;
    return inParallel(this.all, REQUESTS_AT_A_TIME, async ({ setup: { gatewayId } }): Promise<[string, StatusRead]> => {
      // Whoever answers may have just gone.
      const status = await waitFor(() => api.status(gatewayId), {
        timeoutMs: 30_000,
        intervalMs: POLL_MS,
        describe: `the status of ${gatewayId}`,
      });
      return [gatewayId, status];
    });
  }

  /** @throws {TestingError} `WAIT_TIMEOUT` */
  async move(gatewayIds: readonly string[], fleet: string, timeoutMs: number): Promise<void> {
    const { api } = this.#options;
    await inParallel(gatewayIds, REQUESTS_AT_A_TIME, async (gatewayId) => {
      await api.patchGateway(gatewayId, { fleet });
      await waitFor(
        async () => {
          const { value } = await api.getGateway(gatewayId);
          return value.fleet === fleet && value.movingFrom === undefined;
        },
        { timeoutMs, intervalMs: POLL_MS, describe: `${gatewayId} to arrive in fleet ${fleet}` },
      );
    });
  }

  async unregister(): Promise<void> {
    const { api } = this.#options;
    await inParallel(this.all.splice(0), REQUESTS_AT_A_TIME, ({ setup }) => api.deleteGateway(setup.gatewayId));
  }

  /** Its token. */
  async #registered({ gatewayId, fleet, mqtt }: GatewaySetup): Promise<string> {
    const { api } = this.#options;
    let token: string;
    try {
      const { value } = await api.createGateway({ gatewayId, ...(fleet !== undefined && { fleet }) });
      token = value.ingestToken;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== CONFLICT) throw error;
      token = await api.rotateIngestToken(gatewayId); // an earlier attempt, whose answer was lost
    }
    await api.putIntegration(gatewayId, mqtt);
    return token;
  }

  async #areConnected(isMeant: (gatewayId: string) => boolean, count: number, timeoutMs: number): Promise<void> {
    const { api } = this.#options;
    let connected = 0;
    await waitFor(
      async () => {
        const green = await api.listGateways({ code: 'MQTT_INFO_NO_ERR' });
        connected = green.filter(({ gatewayId }) => isMeant(gatewayId)).length;
        return connected === count;
      },
      { timeoutMs, intervalMs: POLL_MS, describe: () => `${count} gateways connected, ${connected} are` },
    );
  }
}
