import { isGatecastError } from '@gatecast/shared/errors';
import {
  gatewayOfSubject,
  HEADER,
  type MessageHeaders,
  readReadingsHeaders,
  type StreamMessage,
} from '@gatecast/shared/nats';
import type { Envelope, SourceMessage } from '../../application/ports.ts';

export function sourceMessageOf({ sequence, subject, storedAt, headers, data }: StreamMessage): SourceMessage {
  return {
    sequence,
    gatewayId: gatewayOfSubject(subject),
    acceptedAt: storedAt,
    headers,
    body: data,
    envelope: readEnvelope(headers),
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
