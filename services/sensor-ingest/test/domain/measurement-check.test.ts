import { expect, test } from 'vitest';
import { checkMeasurementRequest } from '../../src/domain/measurement-check.ts';

const NOW = Date.UTC(2026, 0, 1);
const SECONDS = NOW / 1000;
const LIMITS = { maxAheadSeconds: 3600, maxAgeSeconds: 86_400 };
const GOOD = { sensorId: '3002FA', time: SECONDS, values: { co2: 452 } };

const check = (body: unknown) => checkMeasurementRequest(body, LIMITS, NOW);
const checkJson = (json: string) => check(JSON.parse(json));
const pointers = (body: unknown) => check(body).map(({ pointer }) => pointer);

const VALUE = 'is neither a number nor a number as text';
const TIME = 'is neither Unix time in seconds or milliseconds nor the same as text';

test.each([0, -69, 22.8, 1e-9, 1e300, '22.800', '-69.000000', '1e3', '1.5E-7', '+4', '.5', '5.', '0'.repeat(64)])(
  'takes the value %j',
  (value) => {
    expect(check({ measurements: [{ ...GOOD, values: { co2: value } }] })).toEqual([]);
  },
);

test.each([null, true, [], {}, '', ' 1', '1 ', '0x10', 'NaN', '1,5', '1e', '--1', '1_000', '1'.repeat(65)])(
  'refuses the value %j',
  (value) => {
    expect(check({ measurements: [GOOD, { ...GOOD, values: { battery: 1, co2: value } }] })).toEqual([
      { pointer: '/measurements/1/values/co2', message: VALUE },
    ]);
  },
);

test('refuses numbers too large to be numbers', () => {
  const problems = checkJson(`{"measurements":[{"sensorId":"A","time":${SECONDS},"values":{"a":1e999,"b":-1e999}}]}`);
  expect(problems).toEqual([
    { pointer: '/measurements/0/values/a', message: VALUE },
    { pointer: '/measurements/0/values/b', message: VALUE },
  ]);
  expect(checkJson('{"measurements":[{"sensorId":"A","time":1e999,"values":{"a":1}}]}')).toEqual([
    { pointer: '/measurements/0/time', message: TIME },
  ]);
});

test.each(['pm2_5', 'co2', 'constructor', 'to_string', 'x'.repeat(64)])('takes the metric %s', (metric) => {
  expect(check({ measurements: [{ ...GOOD, values: { [metric]: 1 } }] })).toEqual([]);
});

test.each([
  ['CO2', 'CO2'],
  ['', ''],
  ['a-b', 'a-b'],
  ['a/b~c', 'a~1b~0c'],
  ['x'.repeat(65), 'x'.repeat(65)],
  ['__proto__', '__proto__'],
])('refuses the metric %j, whatever its value', (metric, escaped) => {
  for (const value of ['1', '{"x":1}']) {
    const json = `{"measurements":[{"sensorId":"A","time":${SECONDS},"values":{"a":1,${JSON.stringify(metric)}:${value}}}]}`;
    expect(checkJson(json)).toEqual([{ pointer: `/measurements/0/values/${escaped}`, message: 'is not a metric key' }]);
  }
});

test('refuses a reading without values, or with too many', () => {
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`m${n}`, n]));
  expect(pointers({ measurements: [{ ...GOOD, values: {} }] })).toEqual(['/measurements/0/values']);
  expect(pointers({ measurements: [{ ...GOOD, values: many }] })).toEqual(['/measurements/0/values']);
});

test.each([SECONDS, SECONDS * 1000, String(SECONDS), String(SECONDS * 1000)])('takes the time %j', (time) => {
  expect(check({ measurements: [{ ...GOOD, time }] })).toEqual([]);
});

test.each([null, -1, 1.5, '', 'now', '1.5', `${SECONDS}Z`, '2026-01-01T00:00:00Z', '12345678901234'])(
  'refuses the time %j',
  (time) => {
    expect(check({ measurements: [GOOD, { ...GOOD, time }] })).toEqual([
      { pointer: '/measurements/1/time', message: TIME },
    ]);
  },
);

test('takes times up to the limits, and refuses those beyond', () => {
  const at = (time: number | string) => check({ measurements: [{ ...GOOD, time }] });
  expect(at(SECONDS + 3600)).toEqual([]);
  expect(at(SECONDS - 86_400)).toEqual([]);
  expect(at(SECONDS + 3601)).toEqual([{ pointer: '/measurements/0/time', message: 'is more than 3600 seconds ahead' }]);
  expect(at(String((SECONDS - 86_401) * 1000))).toEqual([
    { pointer: '/measurements/0/time', message: 'is more than 86400 seconds ago' },
  ]);
  expect(at(9_007_199_254_740_991)).toHaveLength(1);
  expect(at(0)).toHaveLength(1);
});

test('points at every reading out of time, up to eight', () => {
  const measurements = Array.from({ length: 20 }, (_, n) => ({ ...GOOD, time: n % 2 === 0 ? SECONDS : 5 }));
  expect(pointers({ measurements })).toEqual([1, 3, 5, 7, 9, 11, 13, 15].map((n) => `/measurements/${n}/time`));
});

test('points at what is missing, and at what is not known', () => {
  const { sensorId, ...anonymous } = GOOD;
  expect(check({ measurements: [anonymous] })).toEqual([
    { pointer: '/measurements/0/sensorId', message: 'is required' },
  ]);
  expect(check({})).toEqual([{ pointer: '/measurements', message: 'is required' }]);
  expect(check({ measurements: [], extra: 1 })).toEqual([{ pointer: '/extra', message: 'is not known' }]);
  expect(check({ measurements: [{ ...GOOD, unit: 'C' }] })).toEqual([
    { pointer: '/measurements/0/unit', message: 'is not known' },
  ]);
  expect(checkJson('{"measurements":[],"__proto__":{"x":1}}')).toEqual([
    { pointer: '/__proto__', message: 'is not known' },
  ]);
  expect(checkJson('{"__proto__":{"measurements":[]}}')).toContainEqual({
    pointer: '/measurements',
    message: 'is required',
  });
  expect(sensorId).toBe('3002FA');
});

test.each([null, [], 7, 'x'])('refuses %j as a request and as a reading', (value) => {
  expect(pointers(value)).toEqual(['']);
  expect(pointers({ measurements: [GOOD, value] })).toEqual(['/measurements/1']);
});

test.each(['a b', '', 'x'.repeat(65), 'é', 5])('refuses the sensor id %j', (sensorId) => {
  expect(pointers({ measurements: [{ ...GOOD, sensorId }] })).toEqual(['/measurements/0/sensorId']);
});

test('takes a thousand readings and no more', () => {
  expect(pointers({ measurements: Array(1000).fill(GOOD) })).toEqual([]);
  expect(pointers({ measurements: Array(1001).fill(GOOD) })).toEqual(['/measurements']);
});

test('of a key that stands twice the last one counts', () => {
  expect(checkJson('{"measurements":7,"measurements":[]}')).toEqual([]);
  expect(checkJson('{"measurements":[],"measurements":7}').map(({ pointer }) => pointer)).toEqual(['/measurements']);
});

test('checks what is said of sensors', () => {
  const sensor = { sensorId: 'A', name: 'Süd', group: null, groupId: '7', productNumber: null };
  expect(check({ measurements: [], firmwareVersion: '1', sensors: [sensor] })).toEqual([]);
  expect(check({ measurements: [], sensors: [sensor, { ...sensor, name: 5 }] })).toEqual([
    { pointer: '/sensors/1/name', message: 'is neither text of the permitted length nor null' },
  ]);
  expect(pointers({ measurements: [], firmwareVersion: null })).toEqual(['/firmwareVersion']);
});
