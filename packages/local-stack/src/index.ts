export {
  ApiClient,
  type ApiClientOptions,
  ApiError,
  type DetailsRead,
  GatewayClient,
  type GatewayCreated,
  type GatewayFilter,
  type GatewayRead,
  type GatewayWrite,
  type HistoryEntry,
  type IngestAnswer,
  IngestClient,
  type IngestRequest,
  type IntegrationRead,
  type IntegrationWrite,
  type MergePatch,
  type NewGateway,
  type SensorRead,
  type StatusRead,
  type StatusSummary,
  type Versioned,
  type WriteOptions,
} from './clients.ts';
export { type InstanceOptions, LocalStack, type LocalStackOptions, type StopOptions } from './local-stack.ts';
export { LogFiles } from './log-files.ts';
export { ServiceInstance, type ServiceInstanceOptions } from './service-instance.ts';
export { SERVICE_NAMES, type ServiceName, ServiceProcess, type ServiceProcessOptions } from './service-process.ts';
export type { StackNatsOptions } from './stack-nats.ts';
export type { StackSettings } from './stack-settings.ts';
export { type StreamState, streamState } from './stream-state.ts';
