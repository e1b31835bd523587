import { METRIC_PATTERN, NUMERIC_TEXT_PATTERN } from '@gatecast/shared/model';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/simulator/random.ts';
import { SENSOR_KINDS, SensorValues } from '../../src/simulator/sensor-values.ts';

const RANGES: Record<string, [number, number]> = {
  temperature: [15, 30],
  humidity: [20, 80],
  co2: [400, 2000],
  atmosphericpressure: [97_000, 104_500],
  battery: [0.05, 1],
  rssi: [-100, -40],
};

describe.each(SENSOR_KINDS)('a sensor of kind %s', (kind) => {
  test('shows values that such a sensor can show, as such a base sends them', () => {
    const values = new SensorValues(kind, seededRandom(1));
    for (let reading = 0; reading < 5000; reading += 1) {
      for (const [metric, value] of Object.entries(values.next())) {
        const [min, max] = RANGES[metric]!;
        expect(metric).toMatch(new RegExp(METRIC_PATTERN));
        expect(String(value)).toMatch(new RegExp(NUMERIC_TEXT_PATTERN));
        expect(Number(value)).toBeGreaterThanOrEqual(min);
        expect(Number(value)).toBeLessThanOrEqual(max);
      }
    }
  });

  test('moves slowly', () => {
    const values = new SensorValues(kind, seededRandom(2));
    let before = Number(values.next().temperature);
    for (let reading = 0; reading < 100; reading += 1) {
      const temperature = Number(values.next().temperature);
      expect(Math.abs(temperature - before)).toBeLessThanOrEqual(0.102);
      before = temperature;
    }
  });
});

test('an air sensor: text with fixed decimals beside numbers', () => {
  const values = new SensorValues('air', seededRandom(3)).next();
  expect(Object.keys(values)).toEqual(['co2', 'atmosphericpressure', 'battery', 'temperature', 'humidity', 'rssi']);
  expect(values.temperature).toMatch(/^\d\d\.\d{3}$/);
  expect(values.humidity).toMatch(/^\d\d\.\d$/);
  expect(values.atmosphericpressure).toMatch(/^\d{5,6}$/);
  expect([values.co2, values.battery, values.rssi].every((value) => typeof value === 'number')).toBe(true);
});

test('the same seed gives the same values, another one others', () => {
  const series = (seed: number) => {
    const values = new SensorValues('climate', seededRandom(seed));
    return Array.from({ length: 20 }, () => values.next());
  };
  expect(series(5)).toEqual(series(5));
  expect(series(5)).not.toEqual(series(6));
});

test('random numbers are uniform in [0, 1)', () => {
  const random = seededRandom(42);
  const numbers = Array.from({ length: 10_000 }, random);
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...numbers)).toBeLessThan(1);
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const share = numbers.filter((number) => Math.floor(number * 10) === tenth).length;
    expect(share).toBeGreaterThan(850);
    expect(share).toBeLessThan(1150);
  }
});
