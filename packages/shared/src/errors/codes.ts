/**
 * Every error that one part of Gatecast hands to another carries one of these codes. Code switches on `code`, never on
 * text; the list is append-only, because dashboards and clients match on it.
 */
export const ERROR_CODES = [
  'CONFIG_INVALID',
  'NATS_UNAVAILABLE',
  'NATS_TOO_OLD',
  'NATS_PERMISSION',
  'STORAGE_FULL',
  'STREAM_MISSING',
  'REVISION_CONFLICT',
  'SUBJECT_SEQUENCE_CONFLICT',
  'OUTCOME_UNKNOWN',
  'SCHEMA_UNKNOWN',
  'PAYLOAD_MALFORMED',
  'STOP_DEADLINE',
  'SECRET_UNREADABLE',
  'INSTANCE_NAME_TAKEN',
  'EPOCH_SUPERSEDED',
  'NATS_AUTH_FAILED',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];
