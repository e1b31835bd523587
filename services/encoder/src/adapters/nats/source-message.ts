import { isGatecastError } from '@gatecast/shared/errors';
import { gatewayOfSubject, HEADER, type MessageHeaders, readReadingsHeaders } from '@gatecast/shared/nats';
import type { JsMsg } from '@nats-io/jetstream';
import type { Envelope, SourceMessage } from '../../application/ports.ts';

const NANOS_PER_MS = 1e6;

export function sourceMessageOf(message: JsMsg): SourceMessage {
  const { streamSequence, timestampNanos } = message.info;
  return {
    sequence: streamSequence,
    gatewayId: gatewayOfSubject(message.subject),
    acceptedAt: Math.floor(timestampNanos / NANOS_PER_MS),
    headers: message.headers,
    body: message.data,
    envelope: readEnvelope(message.headers),
  };
}

export function readEnvelope(headers: MessageHeaders | undefined): Envelope {
  try {
    const { incarnation, kind: content, isRequeued } = readReadingsHeaders(headers);
    const isFromGateway = !isRequeued && (headers?.has(HEADER.msgId) ?? false);
    return { kind: 'readable', incarnation, content, isRequeued, isFromGateway };
  } catch (error) {
    if (!isGatecastError(error)) throw error;
    return {
      kind: 'unreadable',
      reason: error.code === 'SCHEMA_UNKNOWN' ? 'schema_unknown' : 'headers_malformed',
    };
  }
}
