import type { SensorInfo } from '@gatecast/shared/model';
import { ApiError } from './api-error.ts';
import type {
  DetailsRead,
  FleetRead,
  GatewayCreated,
  GatewayFilter,
  GatewayRead,
  GatewayWrite,
  HistoryEntry,
  IntegrationRead,
  IntegrationWrite,
  MergePatch,
  Page,
  Problem,
  SensorRead,
  StatusRead,
  Versioned,
  WorkspaceRead,
} from './api-types.ts';

export interface ApiClientOptions {
  baseUrl: string;
  apiKey: string;
  /** Whose gateways are meant. Default `default`. */
  workspace?: string;
  /** Of every request, ms. Default 10,000. */
  timeoutMs?: number;
}

export interface WriteOptions {
  /** The ETag that was read. Default `*`: whatever there is. */
  ifMatch?: string;
}

interface ApiRequest {
  body?: unknown;
  headers?: Record<string, string>;
}

const MERGE_PATCH = 'application/merge-patch+json';

/**
 * A client of config-api for one workspace.
 * Every method throws {@link ApiError} when it is refused, and what `fetch` throws when there is no answer.
 */
export class ApiClient {
  readonly baseUrl: string;
  readonly workspace: string;
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.baseUrl = options.baseUrl;
    this.workspace = options.workspace ?? 'default';
  }

  /** The same for another workspace. */
  in(workspace: string): ApiClient {
    return new ApiClient({ ...this.#options, workspace });
  }

  /** The same with another key. */
  as(apiKey: string): ApiClient {
    return new ApiClient({ ...this.#options, apiKey });
  }

  async createWorkspace(workspace: string, name?: string): Promise<WorkspaceRead> {
    return (await this.request<WorkspaceRead>('POST', '/v1/workspaces', { body: { workspace, name } })).value;
  }

  async createFleet(fleet: string, description?: string): Promise<FleetRead> {
    return (await this.request<FleetRead>('POST', '/v1/fleets', { body: { fleet, description } })).value;
  }

  /** The answer holds the gateway's ingest token, this once; the ETag is that of its integration, too. */
  createGateway(gateway: GatewayWrite): Promise<Versioned<GatewayCreated>> {
    return this.request('POST', this.#path('gateways'), { body: gateway });
  }

  getGateway(gatewayId: string): Promise<Versioned<GatewayRead>> {
    return this.request('GET', this.#gateway(gatewayId));
  }

  patchGateway(
    gatewayId: string,
    patch: MergePatch<Omit<GatewayWrite, 'gatewayId'>>,
    options: WriteOptions = {},
  ): Promise<Versioned<GatewayRead>> {
    return this.#patch(this.#gateway(gatewayId), patch, options);
  }

  async deleteGateway(gatewayId: string): Promise<void> {
    await this.request('DELETE', this.#gateway(gatewayId));
  }

  /** All of them, page by page. */
  async listGateways(filter: GatewayFilter = {}): Promise<GatewayRead[]> {
    return this.#all<GatewayRead>(this.#path('gateways'), { ...filter });
  }

  async rotateIngestToken(gatewayId: string): Promise<string> {
    const path = `${this.#gateway(gatewayId)}/ingest-token`;
    return (await this.request<{ ingestToken: string }>('POST', path)).value.ingestToken;
  }

  getIntegration(gatewayId: string): Promise<Versioned<IntegrationRead>> {
    return this.request('GET', this.#integration(gatewayId));
  }

  putIntegration(
    gatewayId: string,
    settings: IntegrationWrite,
    options: WriteOptions = {},
  ): Promise<Versioned<IntegrationRead>> {
    return this.request('PUT', this.#integration(gatewayId), { body: settings, headers: ifMatch(options) });
  }

  patchIntegration(
    gatewayId: string,
    patch: MergePatch<IntegrationWrite>,
    options: WriteOptions = {},
  ): Promise<Versioned<IntegrationRead>> {
    return this.#patch(this.#integration(gatewayId), patch, options);
  }

  async status(gatewayId: string): Promise<StatusRead> {
    return (await this.request<StatusRead>('GET', `${this.#integration(gatewayId)}/status`)).value;
  }

  async details(gatewayId: string): Promise<DetailsRead> {
    return (await this.request<DetailsRead>('GET', `${this.#integration(gatewayId)}/details`)).value;
  }

  /** Newest first. */
  async history(gatewayId: string): Promise<HistoryEntry[]> {
    const path = `${this.#integration(gatewayId)}/history`;
    return (await this.request<{ items: HistoryEntry[] }>('GET', path)).value.items;
  }

  async listSensors(gatewayId: string): Promise<SensorRead[]> {
    return this.#all<SensorRead>(`${this.#gateway(gatewayId)}/sensors`, {});
  }

  putSensor(gatewayId: string, sensorId: string, sensor: SensorInfo): Promise<Versioned<SensorRead>> {
    return this.request('PUT', `${this.#gateway(gatewayId)}/sensors/${sensorId}`, { body: sensor });
  }

  patchSensor(gatewayId: string, sensorId: string, patch: MergePatch<SensorInfo>): Promise<Versioned<SensorRead>> {
    return this.#patch(`${this.#gateway(gatewayId)}/sensors/${sensorId}`, patch, {});
  }

  async deleteSensor(gatewayId: string, sensorId: string): Promise<void> {
    await this.request('DELETE', `${this.#gateway(gatewayId)}/sensors/${sensorId}`);
  }

  /** Any request, for what has no method of its own. */
  async request<T>(method: string, path: string, { body, headers }: ApiRequest = {}): Promise<Versioned<T>> {
    const { apiKey, timeoutMs = 10_000 } = this.#options;
    const response = await fetch(this.baseUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw refusal(`${method} ${path}`, response, text);
    const value = text === '' ? undefined : JSON.parse(text);
    return { value: value as T, etag: response.headers.get('etag') ?? '' };
  }

  #patch<T>(path: string, patch: object, options: WriteOptions): Promise<Versioned<T>> {
    return this.request('PATCH', path, { body: patch, headers: { 'content-type': MERGE_PATCH, ...ifMatch(options) } });
  }

  async #all<T>(path: string, filter: Record<string, string>): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | undefined;
    do {
      const query = new URLSearchParams({ ...filter, ...(cursor === undefined ? {} : { cursor }) });
      const { value }: Versioned<Page<T>> = await this.request('GET', `${path}?${query}`);
      items.push(...value.items);
      cursor = value.nextCursor;
    } while (cursor !== undefined);
    return items;
  }

  #path(resource: string): string {
    return `/v1/workspaces/${this.workspace}/${resource}`;
  }

  #gateway(gatewayId: string): string {
    return this.#path(`gateways/${gatewayId}`);
  }

  #integration(gatewayId: string): string {
    return `${this.#gateway(gatewayId)}/integrations/mqtt`;
  }
}

function ifMatch({ ifMatch: etag = '*' }: WriteOptions): Record<string, string> {
  return { 'if-match': etag };
}

function refusal(request: string, response: Response, text: string): ApiError {
  const { status } = response;
  const retryAfter = response.headers.get('retry-after');
  return new ApiError(request, problemOf(status, text), retryAfter === null ? undefined : Number(retryAfter));
}

/** Something between us and the service may answer without problem details. */
function problemOf(status: number, text: string): Problem {
  try {
    const problem = JSON.parse(text) as Partial<Problem>;
    if (typeof problem.code === 'string') return problem as Problem;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { type: 'about:blank', title: text.slice(0, 200), status, code: 'unknown' };
}
