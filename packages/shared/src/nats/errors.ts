import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/nats-core';
import { GatecastError } from '../errors/index.ts';

/** `err_code` of the JetStream API (server/errors.json of nats-server). */
const API = {
  noMessageFound: 10037,
  storageResourcesExceeded: 10047,
  insufficientResources: 10023,
  memoryResourcesExceeded: 10028,
  streamStoreFailed: 10077,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  wrongLastSequenceUnknown: 10164,
} as const;

const STORAGE: ReadonlySet<number> = new Set([
  API.storageResourcesExceeded,
  API.insufficientResources,
  API.memoryResourcesExceeded,
  API.streamStoreFailed,
]);

/** What a failed request to NATS means, whatever class the client library threw. Never throws. */
export function translateNatsError(error: unknown, what: string): GatecastError {
  if (error instanceof GatecastError) return error;
  const options = { cause: error, retryable: true };
  if (error instanceof JetStreamApiError) {
    const text = `${what}: ${error.message}`;
    if (error.code === API.wrongLastSequence || error.code === API.wrongLastSequenceUnknown) {
      return new GatecastError('SUBJECT_SEQUENCE_CONFLICT', text, { cause: error });
    }
    if (error.code === API.streamNotFound) return new GatecastError('STREAM_MISSING', text, options);
    if (STORAGE.has(error.code)) return new GatecastError('STORAGE_FULL', text, options);
    return new GatecastError('NATS_UNAVAILABLE', text, options);
  }
  const refusal = causeOf(error, errors.PermissionViolationError);
  if (refusal) return new GatecastError('NATS_PERMISSION', `${what}: ${refusal.message}`, { cause: error });
  if (causeOf(error, errors.AuthorizationError) || causeOf(error, errors.UserAuthenticationExpiredError)) {
    return new GatecastError('NATS_AUTH_FAILED', `${what}: the server takes neither user nor password`, options);
  }
  if (causeOf(error, errors.NoRespondersError))
    return new GatecastError('NATS_UNAVAILABLE', `${what}: nobody answers`, options);
  // Timeouts and cut connections: the server may or may not have done it.
  const reason = error instanceof Error ? error.message : String(error);
  return new GatecastError('OUTCOME_UNKNOWN', `${what}: ${reason}`, options);
}

/** What a request fails with is wrapped. */
function causeOf<E extends Error>(error: unknown, type: new (...parameters: never[]) => E): E | undefined {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one instanceof type) return one;
  }
  return undefined;
}

export function isMessageNotFound(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === API.noMessageFound;
}
