import type { Integration, Measurement, MeasurementFormat, SensorInfo } from '@gatecast/shared/model';
import type { MqttMessage } from '@gatecast/shared/outbox';
import type { TopicRefusal } from '../topic-check.ts';
import { encodeAzure } from './azure.ts';
import { encodeJson } from './json.ts';
import { layoutOf } from './layouts.ts';
import { encodeRaw } from './raw.ts';
import { ReadingEncoder } from './reading-encoder.ts';

/** Why a reading has no messages with its gateway's settings. */
export type EncodingRefusal = TopicRefusal | 'payload_too_large' | 'layout_unknown';

/** Turns readings of one gateway, under one revision of its settings, into messages. */
export interface Encoder {
  /** The messages of `reading`, in the order in which they are to be sent. Same arguments, same messages. */
  encode(reading: Measurement, sensor: SensorInfo | undefined): MqttMessage[] | EncodingRefusal;
}

export interface EncoderContext {
  readonly gatewayId: string;
  readonly gatewayName: string | undefined;
  readonly integration: Integration;
}

const FORMATS = { raw: encodeRaw, json: encodeJson, azure: encodeAzure } satisfies Record<MeasurementFormat, unknown>;

export function createEncoder(context: EncoderContext): Encoder {
  const layout = layoutOf(context.integration.advanced.layoutVersion);
  if (!layout) return { encode: () => 'layout_unknown' };
  return new ReadingEncoder({ ...context, layout }, FORMATS[context.integration.format]);
}
