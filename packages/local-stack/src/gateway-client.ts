import type { Measurement, MeasurementRequest } from '@gatecast/shared/model';
import type { ApiClient } from './api-client.ts';
import type { DetailsRead, GatewayWrite, IntegrationWrite, MergePatch, StatusRead } from './api-types.ts';
import type { IngestAnswer, IngestClient } from './ingest-client.ts';

export interface NewGateway extends GatewayWrite {
  /** Its integration. Default: none, readings are accepted and go nowhere. */
  mqtt?: IntegrationWrite;
}

/** One registered gateway: sends as the device, and manages as its owner. */
export class GatewayClient {
  readonly gatewayId: string;
  readonly token: string;
  readonly #api: ApiClient;
  readonly #ingest: IngestClient;

  private constructor(gatewayId: string, token: string, api: ApiClient, ingest: IngestClient) {
    this.gatewayId = gatewayId;
    this.token = token;
    this.#api = api;
    this.#ingest = ingest;
  }

  /**
   * Registers a gateway and saves its integration.
   * @throws {ApiError}
   */
  static async register(
    { mqtt, ...gateway }: NewGateway,
    api: ApiClient,
    ingest: IngestClient,
  ): Promise<GatewayClient> {
    const { value, etag } = await api.createGateway(gateway);
    if (mqtt !== undefined) await api.putIntegration(gateway.gatewayId, mqtt, { ifMatch: etag });
    return new GatewayClient(gateway.gatewayId, value.ingestToken, api, ingest);
  }

  /** Sends readings, or a whole request, or its very bytes. */
  send(request: readonly Measurement[] | MeasurementRequest | string): Promise<IngestAnswer> {
    const body = isList(request) ? { measurements: [...request] } : request;
    return this.#ingest.send({ gatewayId: this.gatewayId, token: this.token, body });
  }

  async configure(mqtt: IntegrationWrite): Promise<void> {
    await this.#api.putIntegration(this.gatewayId, mqtt);
  }

  async patch(mqtt: MergePatch<IntegrationWrite>): Promise<void> {
    await this.#api.patchIntegration(this.gatewayId, mqtt);
  }

  status(): Promise<StatusRead> {
    return this.#api.status(this.gatewayId);
  }

  details(): Promise<DetailsRead> {
    return this.#api.details(this.gatewayId);
  }

  delete(): Promise<void> {
    return this.#api.deleteGateway(this.gatewayId);
  }
}

function isList(request: readonly Measurement[] | MeasurementRequest | string): request is readonly Measurement[] {
  return Array.isArray(request);
}
