import Value from 'typebox/value';
import { expect, test } from 'vitest';
import { MeasurementRequest, readingTimeSeconds } from '../../src/model/index.ts';

test.each([
  [1_729_716_854, 1_729_716_854],
  ['1729716854', 1_729_716_854],
  [1_729_716_854_000, 1_729_716_854],
  ['1729716854999', 1_729_716_854],
  [0, 0],
  [99_999_999_999, 99_999_999_999],
  [100_000_000_000, 100_000_000],
])('%j is the second %i', (time, seconds) => {
  expect(readingTimeSeconds(time)).toBe(seconds);
});

const request = (values: unknown) => ({ measurements: [{ sensorId: '3002FA', time: 1, values }] });

test('the request of the documentation is valid', () => {
  expect(
    Value.Check(MeasurementRequest, {
      measurements: [
        {
          sensorId: '3002FA',
          time: 1_729_716_854,
          values: { temperature: '22.800', co2: 452, battery: 0.92, rssi: -69 },
        },
      ],
    }),
  ).toBe(true);
});

test.each(['CO2', 'co-2', '', '__proto__'])('nothing stands under the metric %j, of whatever kind', (metric) => {
  for (const value of ['1', '"1"', '{}']) {
    expect(Value.Check(MeasurementRequest, request(JSON.parse(`{"a":1,${JSON.stringify(metric)}:${value}}`)))).toBe(
      false,
    );
  }
});
