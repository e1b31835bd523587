import Type, { type Static } from 'typebox';
import { METRIC_PATTERN, SensorId } from './ids.ts';

/** Decimal or scientific notation, as bases print numbers. Kept digit for digit, never parsed and printed again. */
export const NUMERIC_TEXT_PATTERN = '^[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d+)?$';

export const MetricValue = Type.Union([
  Type.Number({ description: 'Printed with the decimals of its metric.' }),
  Type.String({ pattern: NUMERIC_TEXT_PATTERN, maxLength: 64, description: 'A number as text, kept digit for digit.' }),
]);

export const ReadingTime = Type.Union([
  Type.Integer({ minimum: 0, description: 'Unix seconds, or milliseconds (13 digits).' }),
  Type.String({ pattern: '^\\d{1,13}$', description: 'The same as text.' }),
]);

/** One transmission of one sensor. */
export const Measurement = Type.Object(
  {
    sensorId: SensorId,
    time: ReadingTime,
    values: Type.Record(Type.String({ pattern: METRIC_PATTERN }), MetricValue, {
      additionalProperties: false,
      minProperties: 1,
      maxProperties: 64,
    }),
  },
  { additionalProperties: false },
);

/** What is known of a sensor beside its readings. Absent = unchanged, null = removed. */
export const SensorChange = Type.Object(
  {
    sensorId: SensorId,
    name: Type.Optional(Type.Union([Type.String({ maxLength: 128 }), Type.Null()])),
    group: Type.Optional(Type.Union([Type.String({ maxLength: 128 }), Type.Null()])),
    groupId: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
    productNumber: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
  },
  { additionalProperties: false },
);

export const MAX_MEASUREMENTS_PER_REQUEST = 1000;

/** The body of a gateway's request, and, byte for byte, of a message in READINGS. */
export const MeasurementRequest = Type.Object(
  {
    measurements: Type.Array(Measurement, { maxItems: MAX_MEASUREMENTS_PER_REQUEST }),
    firmwareVersion: Type.Optional(Type.String({ maxLength: 64 })),
    sensors: Type.Optional(Type.Array(SensorChange, { maxItems: 500 })),
  },
  { additionalProperties: false },
);

export type MetricValue = Static<typeof MetricValue>;
export type Measurement = Static<typeof Measurement>;
export type SensorChange = Static<typeof SensorChange>;
export type MeasurementRequest = Static<typeof MeasurementRequest>;

const MILLISECONDS_FROM = 100_000_000_000;

/** The time of a measurement in Unix seconds, whichever of the accepted notations it came in. */
export function readingTimeSeconds(time: number | string): number {
  const value = Number(time);
  return value >= MILLISECONDS_FROM ? Math.floor(value / 1000) : value;
}
