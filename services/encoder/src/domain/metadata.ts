import { type Integration, SENSOR_FIELDS, type SensorInfo } from '@gatecast/shared/model';
import type { MqttMessage } from '@gatecast/shared/outbox';
import { fillTemplate, layoutOf } from './formats/layouts.ts';
import { PROFILE_RULES, type ProfileRules } from './profile-rules.ts';
import { topicRefusal } from './topic-check.ts';

/** Record of the bucket `announced`: the retained metadata topics that a gateway's broker was given. */
export interface AnnouncedRecord {
  incarnation: string;
  host: string;
  port: number;
  rootTopic: string;
  layoutVersion: number;
  format: string;
  /** Text by topic, without the base (root and gateway). */
  topics: Record<string, string>;
}

export interface MetadataSubject {
  readonly gatewayId: string;
  readonly incarnation: string;
  readonly gatewayName: string | undefined;
  readonly integration: Integration;
  readonly sensors: Readonly<Record<string, SensorInfo>>;
}

export interface MetadataPlan {
  readonly messages: MqttMessage[];
  /** What is announced once the messages are on their way; undefined when that is recorded already. */
  readonly announced: AnnouncedRecord | undefined;
  /** Topics that the broker would not take. */
  readonly refused: number;
}

const NOTHING = Buffer.alloc(0);

/**
 * What to publish so that the broker's retained metadata is as it should be, given what it was told before. Another
 * registration's record, or another host's, says nothing of this broker. After a change of root topic, layout or format
 * all of it is published again, and what stands under the old base is cleared.
 */
export function planMetadata(subject: MetadataSubject, announced: AnnouncedRecord | undefined): MetadataPlan {
  const { gatewayId, incarnation, integration } = subject;
  const { host = '', port, rootTopic, format, profile, advanced } = integration;
  const place = { incarnation, host, port, rootTopic, layoutVersion: advanced.layoutVersion, format };
  const isSameBroker = announced?.incarnation === incarnation && announced.host === host && announced.port === port;
  const known = isSameBroker ? announced : undefined;
  const desired = desiredTopics(subject);
  const isUnmoved = known !== undefined && isSamePlace(known, place);
  const base = baseOf(gatewayId, place);
  const oldBase = known ? baseOf(gatewayId, known) : undefined;

  const writer = new RetainedWriter(PROFILE_RULES[profile]);
  for (const suffix of Object.keys(known?.topics ?? {})) {
    if (oldBase !== undefined && (oldBase !== base || !desired.has(suffix))) writer.write(oldBase + suffix, NOTHING);
  }
  const topics: [string, string][] = [];
  for (const [suffix, text] of desired) {
    const isAnnounced = isUnmoved && ownText(known.topics, suffix) === text;
    if (isAnnounced || writer.write(`${base}${suffix}`, Buffer.from(text))) topics.push([suffix, text]);
  }
  const isRecorded = isUnmoved ? sameTopics(known.topics, topics) : known === undefined && topics.length === 0;
  return {
    messages: writer.messages,
    announced: isRecorded ? undefined : { ...place, topics: Object.fromEntries(topics) },
    refused: writer.refused,
  };
}

type Place = Omit<AnnouncedRecord, 'topics'>;

function isSamePlace(one: Place, other: Place): boolean {
  return one.rootTopic === other.rootTopic && one.layoutVersion === other.layoutVersion && one.format === other.format;
}

function baseOf(gateway: string, { rootTopic, layoutVersion }: Place): string | undefined {
  const layout = layoutOf(layoutVersion);
  return layout && fillTemplate(layout.metadata.base, { root: rootTopic, gateway });
}

/** Text by suffix, in a stable order: the gateway first, then its sensors. Empty texts do not exist in MQTT. */
function desiredTopics({ gatewayName, integration, sensors }: MetadataSubject): Map<string, string> {
  const desired = new Map<string, string>();
  const layout = layoutOf(integration.advanced.layoutVersion);
  if (!layout || !PROFILE_RULES[integration.profile].metadata) return desired;
  if (gatewayName) desired.set(layout.metadata.gatewayName, gatewayName);
  for (const [sensor, info] of Object.entries(sensors)) {
    for (const field of SENSOR_FIELDS) {
      const text = info[field];
      if (text) desired.set(fillTemplate(layout.metadata.sensorField, { sensor, field }), text);
    }
  }
  return desired;
}

/** Collects retained messages, leaving out those that the broker would close the connection for. */
class RetainedWriter {
  readonly messages: MqttMessage[] = [];
  refused = 0;
  readonly #rules: ProfileRules;

  constructor(rules: ProfileRules) {
    this.#rules = rules;
  }

  /** True when the topic may exist. */
  write(topic: string, payload: Uint8Array): boolean {
    if (!this.#rules.metadata) return false;
    if (topicRefusal(topic, this.#rules)) {
      this.refused += 1;
      return false;
    }
    this.messages.push({ topic, payload, retain: true });
    return true;
  }
}

function ownText(topics: Readonly<Record<string, string>> | undefined, suffix: string): string | undefined {
  return topics && Object.hasOwn(topics, suffix) ? topics[suffix] : undefined;
}

function sameTopics(known: Readonly<Record<string, string>>, topics: readonly [string, string][]): boolean {
  return (
    Object.keys(known).length === topics.length && topics.every(([suffix, text]) => ownText(known, suffix) === text)
  );
}
