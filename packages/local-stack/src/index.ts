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
export { type InstanceOptions, LocalStack, type LocalStackOptions, type StopOptions } from './local-stack.ts';
export { LogFiles } from './log-files.ts';
export { ServiceInstance, type ServiceInstanceOptions } from './service-instance.ts';
export { SERVICE_NAMES, type ServiceName, ServiceProcess, type ServiceProcessOptions } from './service-process.ts';
export type { StackNatsOptions } from './stack-nats.ts';
export type { StackSettings } from './stack-settings.ts';
export { type StreamState, streamState } from './stream-state.ts';
