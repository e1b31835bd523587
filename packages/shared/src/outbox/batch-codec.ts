import { GatecastError } from '../errors/index.ts';

/** A message ready for a broker: nothing about it is left to decide but the session's QoS and packet id. */
export interface MqttMessage {
  topic: string;
  payload: Uint8Array;
  retain: boolean;
}

const FLAG_RETAIN = 0b1;
/** flags (1 byte), topic length (2), payload length (4), big-endian. */
const FRAME_HEADER_BYTES = 7;

/** Bytes that `message` takes in a batch. */
export function encodedSize(message: MqttMessage): number {
  return FRAME_HEADER_BYTES + Buffer.byteLength(message.topic) + message.payload.byteLength;
}

/**
 * Messages of one gateway, in order, as the body of one OUTBOX or BACKLOG message. Length-prefixed frames rather than
 * JSON: payloads are JSON themselves, and a publisher hands out views of the body instead of parsing and copying it.
 */
export function encodeBatch(messages: readonly MqttMessage[]): Uint8Array {
  const body = Buffer.allocUnsafe(messages.reduce((bytes, message) => bytes + encodedSize(message), 0));
  let offset = 0;
  for (const { topic, payload, retain } of messages) {
    const topicBytes = body.write(topic, offset + FRAME_HEADER_BYTES, 'utf8');
    if (topicBytes > 0xffff) throw new GatecastError('PAYLOAD_MALFORMED', `topic of ${topicBytes} bytes`);
    body.writeUInt8(retain ? FLAG_RETAIN : 0, offset);
    body.writeUInt16BE(topicBytes, offset + 1);
    body.writeUInt32BE(payload.byteLength, offset + 3);
    body.set(payload, offset + FRAME_HEADER_BYTES + topicBytes);
    offset += FRAME_HEADER_BYTES + topicBytes + payload.byteLength;
  }
  return body;
}

/**
 * The messages of a batch; payloads are views of `body`.
 * @throws {GatecastError} `PAYLOAD_MALFORMED` when the frames do not fill the body exactly.
 */
export function decodeBatch(body: Uint8Array): MqttMessage[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const messages: MqttMessage[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + FRAME_HEADER_BYTES > bytes.length) throw truncated(offset);
    const topicEnd = offset + FRAME_HEADER_BYTES + bytes.readUInt16BE(offset + 1);
    const end = topicEnd + bytes.readUInt32BE(offset + 3);
    if (end > bytes.length) throw truncated(offset);
    messages.push({
      topic: bytes.toString('utf8', offset + FRAME_HEADER_BYTES, topicEnd),
      payload: bytes.subarray(topicEnd, end),
      retain: (bytes.readUInt8(offset) & FLAG_RETAIN) !== 0,
    });
    offset = end;
  }
  return messages;
}

function truncated(offset: number): GatecastError {
  return new GatecastError('PAYLOAD_MALFORMED', `batch is truncated in the frame at byte ${offset}`);
}
