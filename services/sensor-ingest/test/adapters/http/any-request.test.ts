import { gzipSync } from 'node:zlib';
import type { Measurement, MeasurementRequest, SensorChange } from '@gatecast/shared/model';
import { ID_PATTERN, METRIC_PATTERN, NUMERIC_TEXT_PATTERN } from '@gatecast/shared/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NOW, TestIngest } from '../../support/ingest.ts';

const DAY = 24 * 3600;

/** What a pattern of the model admits; lookaheads, which fast-check cannot generate from, are checked afterwards. */
const textOf = (pattern: string, maxLength: number) =>
  fc
    .stringMatching(new RegExp(pattern.replace(/\(\?!.*?\)/, '')))
    .filter((text) => text.length <= maxLength && new RegExp(pattern).test(text));

const id = textOf(ID_PATTERN, 64);
const seconds = fc.integer({ min: NOW - 90 * DAY, max: NOW + DAY });
const time = fc.oneof(
  seconds,
  seconds.map((value) => value * 1000),
  seconds.map(String),
  seconds.map((value) => String(value * 1000)),
);
const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  textOf(NUMERIC_TEXT_PATTERN, 64),
);
const measurement: fc.Arbitrary<Measurement> = fc.record({
  sensorId: id,
  time,
  values: fc.dictionary(textOf(METRIC_PATTERN, 64), value, { minKeys: 1, maxKeys: 6, noNullPrototype: true }),
});
const nullableText = fc.option(fc.string({ maxLength: 64 }));
const sensorChange: fc.Arbitrary<SensorChange> = fc.record(
  { sensorId: id, name: nullableText, group: nullableText, groupId: nullableText, productNumber: nullableText },
  { requiredKeys: ['sensorId'] },
);
const request: fc.Arbitrary<MeasurementRequest> = fc.record(
  {
    measurements: fc.array(measurement, { minLength: 1, maxLength: 8 }),
    firmwareVersion: fc.string({ maxLength: 64 }),
    sensors: fc.array(sensorChange, { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ['measurements'] },
);
const indent = fc.constantFrom(undefined, ' ', '\t', '\n\r ');

test('any valid request is accepted, and stored byte for byte', async () => {
  await using ingest = await TestIngest.start({ requestsPerMinute: 100_000, maxEventLoopDelayMs: 0 });
  await fc.assert(
    fc.asyncProperty(request, indent, fc.boolean(), async (valid, space, zip) => {
      const body = JSON.stringify(valid, undefined, space);
      ingest.readings.stored.length = 0;
      const response = zip
        ? await ingest.post(gzipSync(body), { headers: { 'content-encoding': 'gzip' } })
        : await ingest.post(body);
      expect(response.json()).toEqual({ accepted: valid.measurements.length, measurementIntervalSeconds: 300 });
      expect(response.statusCode).toBe(202);
      expect(Buffer.from(ingest.readings.stored[0]!.body).equals(Buffer.from(body))).toBe(true);
    }),
    { numRuns: 300 },
  );
});

type Bad = readonly [fault: string, pointer: (n: number, metric: string) => string, Corruption];
type Corruption = (all: MeasurementRequest, one: Record<string, unknown>, metric: string) => void;

const isAt = (n: number) => `/measurements/${n}`;
const valuesOf = (one: Record<string, unknown>) => one.values as Record<string, unknown>;
const setValue =
  (bad: unknown): Corruption =>
  (_all, one, metric) => {
    valuesOf(one)[metric] = bad;
  };
const set =
  (field: string, bad: unknown): Corruption =>
  (_all, one) => {
    one[field] = bad;
  };
const remove =
  (field: string): Corruption =>
  (_all, one) => {
    delete one[field];
  };
const setRoot =
  (field: string, bad: unknown): Corruption =>
  (all) => {
    Object.assign(all, { [field]: bad });
  };

const CORRUPTIONS: readonly Bad[] = [
  ['value null', (n, metric) => `${isAt(n)}/values/${metric}`, setValue(null)],
  ['value true', (n, metric) => `${isAt(n)}/values/${metric}`, setValue(true)],
  ['value no number', (n, metric) => `${isAt(n)}/values/${metric}`, setValue('12 °C')],
  ['value nested', (n, metric) => `${isAt(n)}/values/${metric}`, setValue({ value: 1 })],
  ['metric not permitted', (n) => `${isAt(n)}/values/CO2`, (_all, one) => Object.assign(valuesOf(one), { CO2: 1 })],
  ['no values', (n) => `${isAt(n)}/values`, set('values', {})],
  ['values a list', (n) => `${isAt(n)}/values`, set('values', [1])],
  ['values missing', (n) => `${isAt(n)}/values`, remove('values')],
  ['time too old', (n) => `${isAt(n)}/time`, set('time', NOW - 90 * DAY - 1)],
  ['time too far ahead', (n) => `${isAt(n)}/time`, set('time', (NOW + DAY + 1) * 1000)],
  ['time no number', (n) => `${isAt(n)}/time`, set('time', '2026-01-01')],
  ['time a fraction', (n) => `${isAt(n)}/time`, set('time', NOW + 0.5)],
  ['time missing', (n) => `${isAt(n)}/time`, remove('time')],
  ['sensor id not permitted', (n) => `${isAt(n)}/sensorId`, set('sensorId', '#')],
  ['sensor id missing', (n) => `${isAt(n)}/sensorId`, remove('sensorId')],
  ['field unknown', (n) => `${isAt(n)}/unit`, set('unit', '°C')],
  ['measurements no list', () => '/measurements', setRoot('measurements', {})],
  ['field of the request unknown', () => '/gatewayId', setRoot('gatewayId', 'x')],
  ['firmware version null', () => '/firmwareVersion', setRoot('firmwareVersion', null)],
  ['sensor without id', () => '/sensors/0/sensorId', setRoot('sensors', [{ name: 'x' }])],
];

test('any valid request with one fault is refused, with a pointer to it, and nothing is stored', async () => {
  await using ingest = await TestIngest.start({ requestsPerMinute: 100_000, maxEventLoopDelayMs: 0 });
  await fc.assert(
    fc.asyncProperty(request, fc.nat(), fc.nat(), fc.constantFrom(...CORRUPTIONS), async (valid, i, m, corruption) => {
      const [, pointerOf, corrupt] = corruption;
      const broken = structuredClone(valid);
      const n = i % broken.measurements.length;
      const one = broken.measurements[n]! as unknown as Record<string, unknown>;
      const metrics = Object.keys(valuesOf(one));
      const metric = metrics[m % metrics.length]!;
      corrupt(broken, one, metric);
      const response = await ingest.post(broken);
      expect(response.statusCode).toBe(422);
      expect(response.json().errors.map((error: { pointer: string }) => error.pointer)).toEqual([pointerOf(n, metric)]);
      expect(ingest.readings.stored).toEqual([]);
    }),
    { numRuns: 400 },
  );
});
