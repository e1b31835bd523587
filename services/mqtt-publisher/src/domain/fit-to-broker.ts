import type { MqttMessage } from '@gatecast/shared/outbox';
import type { Capabilities } from './broker-limits.ts';

/** What a PUBLISH packet of MQTT 5 is made of. */
export interface PublishParts {
  topic: string;
  payloadBytes: number;
  qos: 0 | 1 | 2;
  userProperties: Readonly<Record<string, string>> | undefined;
}

/** Bytes of the whole packet, which the broker's Maximum Packet Size bounds: sections 2.1 and 3.3 of MQTT 5. */
export function publishSize({ topic, payloadBytes, qos, userProperties }: PublishParts): number {
  const properties = Object.entries(userProperties ?? {}).reduce((sum, [name, value]) => {
    return sum + 1 + 2 + Buffer.byteLength(name) + 2 + Buffer.byteLength(value);
  }, 0);
  const packetId = qos === 0 ? 0 : 2;
  const remaining = 2 + Buffer.byteLength(topic) + packetId + integerSize(properties) + properties + payloadBytes;
  return 1 + integerSize(remaining) + remaining;
}

/** Bytes of a Variable Byte Integer, section 1.5.5. */
function integerSize(value: number): number {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  return value < 2_097_152 ? 3 : 4;
}

interface Options {
  qos: 0 | 1 | 2;
  userProperties?: Record<string, string>;
  packetId?: number;
  dup?: boolean;
}

/**
 * A message as the broker takes it: without the retain flag if it retains nothing, and rather without trace context than
 * not at all. Undefined when it is larger than the broker's Maximum Packet Size all the same.
 */
export function fitToBroker(
  message: MqttMessage,
  options: Options,
  { retainAvailable, maximumPacketSize }: Capabilities,
): { message: MqttMessage; options: Options } | undefined {
  const fitting = message.retain && !retainAvailable ? { ...message, retain: false } : message;
  if (maximumPacketSize === Number.POSITIVE_INFINITY) return { message: fitting, options };
  const { userProperties, ...withoutProperties } = options;
  const bare = { topic: message.topic, payloadBytes: message.payload.byteLength, qos: options.qos };
  if (publishSize({ ...bare, userProperties }) <= maximumPacketSize) return { message: fitting, options };
  if (publishSize({ ...bare, userProperties: undefined }) > maximumPacketSize) return undefined;
  return { message: fitting, options: withoutProperties };
}
