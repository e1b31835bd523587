/*
 * What speaks to running services over HTTP, without what starts them: for programs that run beside them.
 */
export { ApiClient, type ApiClientOptions, type WriteOptions } from './api-client.ts';
export { ApiError } from './api-error.ts';
export type {
  DetailsRead,
  GatewayCreated,
  GatewayFilter,
  GatewayRead,
  GatewayWrite,
  HistoryEntry,
  IntegrationRead,
  IntegrationWrite,
  MergePatch,
  SensorRead,
  StatusRead,
  StatusSummary,
  Versioned,
} from './api-types.ts';
export { GatewayClient, type NewGateway } from './gateway-client.ts';
export { type IngestAnswer, IngestClient, type IngestRequest } from './ingest-client.ts';
