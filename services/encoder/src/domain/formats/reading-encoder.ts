import { type Integration, type Measurement, readingTimeSeconds, type SensorInfo } from '@gatecast/shared/model';
import type { MqttMessage } from '@gatecast/shared/outbox';
import { PROFILE_RULES, type ProfileRules } from '../profile-rules.ts';
import type { Encoder, EncodingRefusal } from './encoder.ts';
import type { FormatLayout, ReadingField } from './layouts.ts';
import { type SensorTopics, TopicCache, type TopicContext } from './sensor-topics.ts';

/** A message as text: `metric` is in the topic of formats that send one message per metric. */
export interface Payload {
  readonly metric?: string;
  readonly text: string;
}

/** What a reading says of itself, as text. */
export type ReadingFields = Readonly<Record<ReadingField, string>>;

/** A format: the payloads of one reading. Pure. */
export type FormatFunction = (
  fields: ReadingFields,
  values: Measurement['values'],
  layout: FormatLayout,
  integration: Integration,
) => Payload[];

/** Joins a format's payloads with the topics and the limits of the gateway's settings. */
export class ReadingEncoder implements Encoder {
  readonly #gatewayId: string;
  readonly #integration: Integration;
  readonly #layout: FormatLayout;
  readonly #rules: ProfileRules;
  readonly #topics: TopicCache;
  readonly #format: FormatFunction;
  readonly #retain: boolean;
  #timestamp = { seconds: Number.NaN, text: '' };

  constructor(context: TopicContext, format: FormatFunction) {
    const { gatewayId, integration, layout } = context;
    this.#gatewayId = gatewayId;
    this.#integration = integration;
    this.#layout = layout.formats[integration.format];
    this.#rules = PROFILE_RULES[integration.profile];
    this.#topics = new TopicCache(context);
    this.#format = format;
    this.#retain = integration.retain && this.#rules.retain;
  }

  encode(reading: Measurement, sensor: SensorInfo | undefined): MqttMessage[] | EncodingRefusal {
    const topics = this.#topics.topicsOf(reading.sensorId, sensor);
    if (topics.refusal) return topics.refusal;
    const seconds = readingTimeSeconds(reading.time);
    const fields: ReadingFields = {
      gatewayId: this.#gatewayId,
      sensorId: reading.sensorId,
      timestamp: this.#timestampOf(seconds),
      time: String(seconds),
    };
    const payloads = this.#format(fields, reading.values, this.#layout, this.#integration);
    return this.#messages(payloads, topics, fields.timestamp);
  }

  #messages(payloads: Payload[], topics: SensorTopics, timestamp: string): MqttMessage[] | EncodingRefusal {
    const messages: MqttMessage[] = [];
    for (const { metric, text } of payloads) {
      const payload = Buffer.from(text);
      if (payload.byteLength > this.#rules.maxPayloadBytes) return 'payload_too_large';
      messages.push({ topic: topics.of(timestamp, metric), payload, retain: this.#retain });
    }
    return messages;
  }

  /** Readings of one batch mostly share their time. */
  #timestampOf(seconds: number): string {
    if (this.#timestamp.seconds !== seconds) {
      this.#timestamp = { seconds, text: `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z` };
    }
    return this.#timestamp.text;
  }
}
