import { GatecastError } from '@gatecast/shared/errors';
import { gatewayOfSubject, readBatchHeaders } from '@gatecast/shared/nats';
import { decodeBatch } from '@gatecast/shared/outbox';
import type { JsMsg } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/nats-core';
import type { Batch } from '../../domain/batch.ts';

/**
 * A batch as it lies in OUTBOX or BACKLOG.
 * @throws {GatecastError} `SCHEMA_UNKNOWN`, `PAYLOAD_MALFORMED`
 */
export function batchOfMessage(
  message: Pick<JsMsg, 'subject' | 'seq' | 'headers' | 'data'>,
  origin: Batch['origin'],
): Batch {
  const headers = readBatchHeaders(message.headers);
  const messages = decodeBatch(message.data);
  if (messages.length !== headers.count) {
    throw new GatecastError('PAYLOAD_MALFORMED', `${messages.length} messages, not the ${headers.count} of the header`);
  }
  return {
    gatewayId: gatewayOfSubject(message.subject),
    origin,
    sequence: message.seq,
    headers,
    first: headers.first,
    last: headers.first + headers.count - 1,
    data: message.data,
    messages,
    trace: traceOf(message.headers),
    inBacklog: false,
    sentAt: undefined,
  };
}

function traceOf(headers: MsgHdrs | undefined): Batch['trace'] {
  const traceparent = headers?.get('traceparent');
  if (!traceparent) return undefined;
  const tracestate = headers?.get('tracestate');
  return tracestate ? { traceparent, tracestate } : { traceparent };
}
