import { GatecastError } from '@gatecast/shared/errors';
import { gatewayOfSubject, type MessageHeaders, readBatchHeaders, type StreamMessage } from '@gatecast/shared/nats';
import { decodeBatch } from '@gatecast/shared/outbox';
import type { JsMsg } from '@nats-io/jetstream';
import type { Batch } from '../../domain/batch.ts';

/**
 * A batch as a consumer of the client library brought it.
 * @throws {GatecastError} `SCHEMA_UNKNOWN`, `PAYLOAD_MALFORMED`
 */
export function batchOfMessage({ subject, seq, headers, data, info }: JsMsg, origin: Batch['origin']): Batch {
  const storedAt = Math.floor(info.timestampNanos / 1_000_000);
  return batchOf({ subject, sequence: seq, storedAt, headers, data }, origin);
}

/**
 * A message of OUTBOX or BACKLOG as a batch.
 * @throws {GatecastError} `SCHEMA_UNKNOWN`, `PAYLOAD_MALFORMED`
 */
export function batchOf(message: StreamMessage, origin: Batch['origin']): Batch {
  const { subject, sequence, storedAt, data } = message;
  const headers = readBatchHeaders(message.headers);
  const messages = decodeBatch(data);
  if (messages.length !== headers.count) {
    throw new GatecastError('PAYLOAD_MALFORMED', `${messages.length} messages, not the ${headers.count} of the header`);
  }
  return {
    gatewayId: gatewayOfSubject(subject),
    origin,
    sequence,
    storedAt,
    headers,
    first: headers.first,
    last: headers.first + headers.count - 1,
    data,
    messages,
    trace: traceOf(message.headers),
    inBacklog: false,
    sentAt: undefined,
  };
}

function traceOf(headers: MessageHeaders | undefined): Batch['trace'] {
  const traceparent = headers?.get('traceparent');
  if (!traceparent) return undefined;
  const tracestate = headers?.get('tracestate');
  return tracestate ? { traceparent, tracestate } : { traceparent };
}
