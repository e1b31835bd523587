import type { Integration, SensorInfo } from '@gatecast/shared/model';
import { PROFILE_RULES, type ProfileRules } from '../profile-rules.ts';
import { type TopicRefusal, topicRefusal } from '../topic-check.ts';
import { type FormatLayout, fillTemplate, type Layout } from './layouts.ts';

/** Longest metric key. */
const METRIC_BYTES = 64;

/** The topics of one sensor's messages. */
export interface SensorTopics {
  /** Why no message of this sensor can be sent. */
  readonly refusal: TopicRefusal | undefined;
  /** @param timestamp ISO 8601, UTC */
  of(timestamp: string, metric?: string): string;
}

export interface TopicContext {
  readonly gatewayId: string;
  readonly gatewayName: string | undefined;
  readonly integration: Integration;
  readonly layout: Layout;
}

/** Remembers the topics of every sensor, so that a message costs one concatenation. */
export class TopicCache {
  readonly #build: (sensorId: string, sensor: SensorInfo | undefined) => SensorTopics;
  readonly #cache = new Map<string, { sensor: SensorInfo | undefined; topics: SensorTopics }>();

  constructor(context: TopicContext) {
    const rules = PROFILE_RULES[context.integration.profile];
    const format = context.layout.formats[context.integration.format];
    this.#build =
      rules.topics === 'iot-hub'
        ? (sensorId, sensor) => iotHubTopics(context, format, rules, sensorId, sensor)
        : (sensorId) => rootedTopics(context, format, rules, sensorId);
  }

  topicsOf(sensorId: string, sensor: SensorInfo | undefined): SensorTopics {
    const cached = this.#cache.get(sensorId);
    if (cached && cached.sensor === sensor) return cached.topics;
    const topics = this.#build(sensorId, sensor);
    this.#cache.set(sensorId, { sensor, topics });
    return topics;
  }
}

function rootedTopics(context: TopicContext, format: FormatLayout, rules: ProfileRules, sensor: string): SensorTopics {
  const filled = fillTemplate(format.topic, {
    root: context.integration.rootTopic,
    gateway: context.gatewayId,
    sensor,
    metric: '',
  });
  const hasMetric = format.topic.endsWith('{metric}');
  return {
    refusal: topicRefusal(filled, rules, hasMetric ? METRIC_BYTES : 0),
    of: hasMetric ? (_timestamp, metric = '') => filled + metric : () => filled,
  };
}

/** `devices/{deviceId}/messages/events/{property bag}`; what metadata topics say elsewhere travels as properties. */
function iotHubTopics(
  context: TopicContext,
  format: FormatLayout,
  rules: ProfileRules,
  sensorId: string,
  sensor: SensorInfo = {},
): SensorTopics {
  const { integration, layout, gatewayId, gatewayName } = context;
  const known = {
    sensorId,
    gatewayId,
    gatewayName,
    sensorName: sensor.name,
    productNumber: sensor.productNumber,
    group: sensor.group,
    groupId: sensor.groupId,
  };
  const bag = [
    ['$.ct', format.contentType],
    ['$.ce', 'utf-8'],
    ...layout.iotHub.properties.map((property) => [property, known[property]]),
  ]
    .filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '')
    .map(([name, value]) => `${name}=${encoded(value)}`)
    .join('&');
  const head = `${fillTemplate(layout.iotHub.base, { device: integration.clientId })}${bag}&iothub-creation-time-utc=`;
  const hasMetric = format.topic.endsWith('{metric}');
  const room = encoded(new Date(0).toISOString()).length + (hasMetric ? '&metric='.length + METRIC_BYTES : 0);
  return {
    refusal: topicRefusal(head, rules, room),
    of(timestamp, metric) {
      const topic = head + encoded(timestamp);
      return hasMetric ? `${topic}&metric=${metric}` : topic;
    },
  };
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
