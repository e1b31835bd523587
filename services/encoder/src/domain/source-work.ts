import { type MeasurementRequest, readingTimeSeconds, type SensorInfo } from '@gatecast/shared/model';
import { encodedSize, type MqttMessage } from '@gatecast/shared/outbox';
import type { Encoder, EncodingRefusal } from './formats/encoder.ts';
import type { RecentReadings } from './recent-readings.ts';

/** Messages that stay together, and the step of the source that is done with them. */
export interface Unit {
  readonly step: number;
  readonly messages: readonly MqttMessage[];
  readonly bytes: number;
}

/**
 * A source (one message of READINGS) as what is to be emitted of it. Its steps are counted in readings, not in messages
 * or bytes: 1 is the metadata, 2 … `steps` are the readings, in order. So an encoder that takes over in the middle of a
 * source goes on at the right reading even when the settings, and with them all sizes, have changed meanwhile.
 */
export interface SourceWork {
  readonly sequence: number;
  readonly steps: number;
  readonly units: readonly Unit[];
}

/** Step of a source's metadata. A part of the metadata, without its end, is step 0: nothing is done with it. */
export const METADATA_STEP = 1;

export interface RefusedReading {
  readonly step: number;
  readonly index: number;
  readonly reason: EncodingRefusal | 'message_too_large' | 'encoding_failed';
  /** What was thrown, if anything was. */
  readonly cause?: unknown;
}

export interface EncodedReadings {
  readonly units: Unit[];
  readonly refused: RefusedReading[];
  readonly repeats: number;
}

export function stepsOf(request: MeasurementRequest): number {
  return METADATA_STEP + request.measurements.length;
}

/** Of a source that holds messages: it is counted in them, and has no metadata. */
export function stepsOfMessages(messages: readonly MqttMessage[]): number {
  return METADATA_STEP + messages.length;
}

export function readyUnits(messages: readonly MqttMessage[]): Unit[] {
  return messages.map((message, index) => unit(METADATA_STEP + 1 + index, [message]));
}

export function metadataUnits(messages: readonly MqttMessage[]): Unit[] {
  return messages.map((message, index) =>
    unit(index === messages.length - 1 ? METADATA_STEP : METADATA_STEP - 1, [message]),
  );
}

/** Whether a reading came before; remembers it. */
export type RepeatTest = (sensorId: string, timeMs: number) => boolean;

/**
 * Encodes the readings after step `done`; those before are only remembered. Repeats are left out and counted. A reading
 * that cannot be encoded is set aside alone: it does not take the others with it.
 */
export function encodeReadings(
  request: MeasurementRequest,
  done: number,
  encoder: Encoder,
  sensorOf: (sensorId: string) => SensorInfo | undefined,
  isRepeat: RepeatTest,
  maxReadingBytes: number,
): EncodedReadings {
  const units: Unit[] = [];
  const refused: RefusedReading[] = [];
  let repeats = 0;
  for (const [index, reading] of request.measurements.entries()) {
    const step = METADATA_STEP + 1 + index;
    const isKnown = isRepeat(reading.sensorId, exactTimeMs(reading.time));
    if (step <= done) continue;
    if (isKnown) {
      repeats += 1;
      continue;
    }
    try {
      const encoded = encoder.encode(reading, sensorOf(reading.sensorId));
      if (typeof encoded === 'string') {
        refused.push({ step, index, reason: encoded });
        continue;
      }
      const one = unit(step, encoded);
      if (one.bytes <= maxReadingBytes) units.push(one);
      else refused.push({ step, index, reason: 'message_too_large' });
    } catch (cause) {
      refused.push({ step, index, reason: 'encoding_failed', cause });
    }
  }
  return { units, refused, repeats };
}

/** Remembers the readings of a request that was encoded before, or is not sent. */
export function rememberReadings(request: MeasurementRequest, incarnation: string, recent: RecentReadings): void {
  for (const reading of request.measurements) {
    recent.isRepeat(incarnation, reading.sensorId, exactTimeMs(reading.time));
  }
}

/** Seconds stay whole, milliseconds keep their last digits: two readings within one second are two readings. */
function exactTimeMs(time: number | string): number {
  const value = Number(time);
  return readingTimeSeconds(value) === value ? value * 1000 : value;
}

function unit(step: number, messages: readonly MqttMessage[]): Unit {
  let bytes = 0;
  for (const message of messages) bytes += encodedSize(message);
  return { step, messages, bytes };
}
