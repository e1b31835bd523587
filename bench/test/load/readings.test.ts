import { expect, it } from 'vitest';
import { requestBody, stampOf } from '../../src/load/readings.ts';

it('stamps each reading of a request with its number and the time it was due', () => {
  const { measurements } = JSON.parse(requestBody(1_700_000_000, 3, { sequence: 30, sentAt: 1_700_000_123_456.789 }));
  const stamps = measurements.map(({ values }: { values: object }) => stampOf(JSON.stringify(values)));
  expect(stamps).toEqual([30, 31, 32].map((sequence) => ({ sequence, sentAt: 1_700_000_123_456.789 })));
  expect(new Set(measurements.map(({ sensorId }: { sensorId: string }) => sensorId)).size).toBe(3);
});

it('finds no stamp in what is none', () => {
  expect(stampOf('online')).toBeUndefined();
  expect(stampOf(requestBody(1_700_000_000, 1))).toBeUndefined();
});
