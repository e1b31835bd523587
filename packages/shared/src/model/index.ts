export {
  ALL_PARTS,
  type EncoderCheckpoint,
  type GatewayCheckpoint,
  type GatewayEncoderPosition,
  type PublisherCheckpoint,
  type SuspectRecord,
} from './checkpoint.ts';
export type { GatewayRecord } from './gateway.ts';
export { GatewayId, ID_PATTERN, isId, METRIC_PATTERN, SensorId, SLUG_PATTERN, Slug } from './ids.ts';
export {
  completeIntegration,
  type Integration,
  IntegrationFields,
  IntegrationInput,
  type IntegrationSettings,
  MEASUREMENT_FORMATS,
  MEASUREMENT_INTERVALS_SECONDS,
  type MeasurementFormat,
  NEWEST_LAYOUT_VERSION,
  PROFILES,
  PROTOCOL_VERSIONS,
  type Profile,
  type ProtocolVersion,
  SECRET_FIELDS,
  type SecretField,
} from './integration.ts';
export { METRICS, type Metric, type MetricPrecision } from './metrics.ts';
export { hasArrived, hasLeft, ownEntry } from './move.ts';
export { DEFAULT_PARTITIONS, fnv1a32, partitionOf } from './partition.ts';
export { isPlainRequest } from './plain-request.ts';
export {
  MAX_MEASUREMENTS_PER_REQUEST,
  Measurement,
  MeasurementRequest,
  MetricValue,
  NUMERIC_TEXT_PATTERN,
  readingTimeSeconds,
  SensorChange,
} from './reading.ts';
export { applySensorChanges, SENSOR_FIELDS, type SensorInfo, type SensorsRecord } from './sensor.ts';
export {
  type BrokerLimits,
  isActive,
  STATUS_CLASSES,
  STATUS_CODES,
  STATUS_REASONS,
  type StatusClass,
  type StatusCode,
  type StatusReason,
  type StatusRecord,
} from './status.ts';
export type { FleetRecord, WorkspaceRecord } from './workspace.ts';
