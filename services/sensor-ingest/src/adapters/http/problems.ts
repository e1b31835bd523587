import { type FieldProblem, HttpProblem } from '@gatecast/shared/http';

/*
 * Every answer of the ingest that is not a success. Gateways get their `code` to switch on, operators get it as the
 * outcome label of `gatecast_ingest_requests_total`.
 */

export const unauthorized = () => new HttpProblem(401, 'unauthorized', 'A valid gateway token is required');

export const forbidden = () => new HttpProblem(403, 'forbidden', 'This token is for another gateway');

export const malformedJson = (cause?: unknown) =>
  new HttpProblem(400, 'malformed_json', 'The body is not JSON', { cause });

export const malformedGzip = (cause: unknown) =>
  new HttpProblem(400, 'malformed_gzip', 'The body is not what gzip produces', { cause });

export const bodyTooLarge = () => new HttpProblem(413, 'body_too_large', 'The body is too large');

export const unsupportedEncoding = () =>
  new HttpProblem(415, 'unsupported_content_encoding', 'Send the body as it is, or with gzip');

export const invalidMeasurements = (errors: FieldProblem[]) =>
  new HttpProblem(422, 'validation_failed', 'The request is not valid; none of its readings was accepted', { errors });

export const requestRateExceeded = (retryAfterSeconds: number) =>
  new HttpProblem(429, 'request_rate_exceeded', 'This gateway sends too many requests', { retryAfterSeconds });

export const byteRateExceeded = (retryAfterSeconds: number) =>
  new HttpProblem(429, 'byte_rate_exceeded', 'This gateway sends too many bytes', { retryAfterSeconds });

export const gatewayBehind = (retryAfterSeconds: number) =>
  new HttpProblem(429, 'gateway_behind', 'Earlier readings of this gateway are still waiting to be sent on', {
    retryAfterSeconds,
  });

/** Why readings cannot be taken now, whoever sends them; `line_behind`: whoever of a fleet. */
export type UnavailableCode =
  | 'stopping'
  | 'overloaded'
  | 'nats_unavailable'
  | 'outcome_unknown'
  | 'line_behind'
  | 'storage_nearly_full'
  | 'storage_full';

export const unavailable = (code: UnavailableCode, retryAfterSeconds: number, cause?: unknown) =>
  new HttpProblem(503, code, 'Readings cannot be taken now; send them again later', { retryAfterSeconds, cause });
