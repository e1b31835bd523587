import type { MeasurementFormat } from '@gatecast/shared/model';

/** What a payload says of the reading itself, beside its values. */
export type ReadingField = 'gatewayId' | 'sensorId' | 'timestamp' | 'time';

/** Fields that a payload with numbers writes as numbers. */
export const NUMERIC_FIELDS: ReadonlySet<ReadingField> = new Set(['time']);

/** Properties of a message in the property bag of an Azure IoT Hub topic. */
export type Property =
  | 'gatewayId'
  | 'sensorId'
  | 'gatewayName'
  | 'sensorName'
  | 'productNumber'
  | 'group'
  | 'groupId'
  | 'metric'
  | 'iothub-creation-time-utc';

export interface FormatLayout {
  /** `{root}`, `{gateway}` and `{sensor}` are replaced; `{metric}`, if at all, stands at the end. */
  readonly topic: string;
  /** In front of the values, in this order. A value with the name of one of these is left out: the reading's own wins. */
  readonly fields: readonly ReadingField[];
  readonly contentType: string;
}

export interface Layout {
  readonly formats: Readonly<Record<MeasurementFormat, FormatLayout>>;
  /** Retained topics with what is known of a gateway and its sensors. */
  readonly metadata: {
    /** In front of the suffixes. */
    readonly base: string;
    readonly gatewayName: string;
    /** `{field}` is the name of the field. */
    readonly sensorField: string;
  };
  /** Topics of the profile azure-iot-hub, which prescribes them. */
  readonly iotHub: {
    readonly base: string;
    /** The same for all messages of a sensor; absent where nothing is known. */
    readonly properties: readonly Exclude<Property, 'metric' | 'iothub-creation-time-utc'>[];
  };
}

/**
 * Topics and payloads of version 1, as base stations send them; where nothing is known of those, ours (WIRE.md, "Formats
 * out"). `time` comes first: who reads `raw` has the time of the values that follow.
 */
const VERSION_1: Layout = {
  formats: {
    raw: {
      topic: '{root}/{gateway}/sensors/{sensor}/measurements/{metric}',
      fields: ['time'],
      contentType: 'text/plain',
    },
    json: {
      topic: '{root}/{gateway}/sensors/{sensor}/json/measurements',
      fields: ['time'],
      contentType: 'application/json',
    },
    azure: {
      topic: '{root}/{gateway}/sensors/{sensor}/json/measurements',
      fields: ['gatewayId', 'sensorId', 'timestamp', 'time'],
      contentType: 'application/json',
    },
  },
  metadata: {
    base: '{root}/{gateway}/',
    gatewayName: 'name',
    sensorField: 'sensors/{sensor}/{field}',
  },
  iotHub: {
    base: 'devices/{device}/messages/events/',
    properties: ['sensorId', 'gatewayId', 'gatewayName', 'sensorName', 'productNumber', 'group', 'groupId'],
  },
};

/** Whether a value's key is that of something the format says of the reading itself. */
export function isField(layout: FormatLayout, key: string): boolean {
  return (layout.fields as readonly string[]).includes(key);
}

const LAYOUTS: ReadonlyMap<number, Layout> = new Map([[1, VERSION_1]]);

/** The layout of `advanced.layoutVersion`; undefined for one that this release does not have. */
export function layoutOf(version: number): Layout | undefined {
  return LAYOUTS.get(version);
}

/** Replaces `{name}` by its value; names without one stay. */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (placeholder, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? placeholder) : placeholder,
  );
}
