import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { expect, test } from 'vitest';
import { METRICS, MeasurementRequest } from '../../src/model/index.ts';
import { isPlainRequest } from '../../src/model/plain-request.ts';

const schema = Compile(MeasurementRequest);

const measurement = { sensorId: '3002FA', time: 1_729_716_854, values: { temperature: '22.800', co2: 452 } };
const withMeasurement = (changes: object) => ({ measurements: [{ ...measurement, ...changes }] });

test('is true of what gateways send', () => {
  expect(isPlainRequest({ measurements: [measurement, measurement] })).toBe(true);
  expect(isPlainRequest({ measurements: [] })).toBe(true);
});

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom('', '22.', '.5', '+1e3', '1e', ' 1', '0x1', `${'1'.repeat(64)}`, `${'1'.repeat(65)}`, -0, -1, 0.5),
  fc.constantFrom('3002FA', '-', 'a b', 'é', 'x'.repeat(64), 'x'.repeat(65), 1_729_716_854, '1729716854', 1e300),
);
const key = fc.oneof(
  fc.constantFrom(...METRICS.keys(), '__proto__', 'constructor', 'unknown', 'Temperature'),
  fc.string(),
);
const values = fc.oneof(odd, fc.dictionary(key, odd, { maxKeys: 70 }));
const oddMeasurement = fc.oneof(
  odd,
  fc.record({ sensorId: odd, time: odd, values, extra: odd }, { requiredKeys: [] }),
  fc.record({ sensorId: fc.constant('3002FA'), time: odd, values }),
  values.map((value) => ({ ...measurement, values: value })),
);
const body = fc.oneof(
  odd,
  fc.record({ measurements: fc.oneof(odd, fc.array(oddMeasurement)), sensors: odd }, { requiredKeys: [] }),
  fc.array(oddMeasurement, { maxLength: 3 }).map((measurements) => ({ measurements })),
);

test('is true of nothing that the schema refuses', () => {
  fc.assert(
    fc.property(body, (value) => {
      const parsed: unknown = JSON.parse(JSON.stringify(value) ?? 'null');
      if (isPlainRequest(parsed)) expect(schema.Check(parsed)).toBe(true);
    }),
    { numRuns: 3_000 },
  );
});

test.each([
  ['no object', []],
  ['nothing', {}],
  ['something beside the readings', { measurements: [], firmwareVersion: '1' }],
  ['too many readings', { measurements: new Array(1_001).fill(measurement) }],
  ['an unknown field', withMeasurement({ extra: 1 })],
  ['a sensor id that is none', withMeasurement({ sensorId: 'a b' })],
  ['a time as text', withMeasurement({ time: '1729716854' })],
  ['a negative time', withMeasurement({ time: -1 })],
  ['no values', withMeasurement({ values: {} })],
  ['values in a list', withMeasurement({ values: [1] })],
  ['an unknown metric', withMeasurement({ values: { unknown: 1 } })],
  ['a text that is no number', withMeasurement({ values: { co2: '1 ' } })],
  ['a value that is none', withMeasurement({ values: { co2: null } })],
])('leaves to the schema: %s', (_what, value) => {
  expect(isPlainRequest(value)).toBe(false);
});
