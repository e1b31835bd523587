import { isGatecastError } from '@gatecast/shared/errors';
import { isPlainRequest, MeasurementRequest } from '@gatecast/shared/model';
import { decodeBatch, type MqttMessage } from '@gatecast/shared/outbox';
import { Compile } from 'typebox/compile';

const validator = Compile(MeasurementRequest);

/** The request in the body of a READINGS message; undefined when it is none. */
export function parseMeasurements(body: Uint8Array): MeasurementRequest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
  return isPlainRequest(value) || validator.Check(value) ? (value as MeasurementRequest) : undefined;
}

/** The messages in a body of that kind; undefined when it is none. */
export function parseMessages(body: Uint8Array): MqttMessage[] | undefined {
  try {
    return decodeBatch(body);
  } catch (error) {
    if (isGatecastError(error, 'PAYLOAD_MALFORMED')) return undefined;
    throw error;
  }
}

/** A request with some of the readings of `request`: what is set aside of it can be sent in again as it is. */
export function measurementBody(request: MeasurementRequest, indexes: readonly number[]): Uint8Array {
  const measurements = indexes.flatMap((index) => request.measurements[index] ?? []);
  return Buffer.from(JSON.stringify({ measurements }));
}
