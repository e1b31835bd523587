import { describe, expect, it } from 'vitest';
import { affordableLookBackMs } from '../../src/domain/look-back.ts';
import { measurementBody, parseMeasurements } from '../../src/domain/measurement-body.ts';
import { withOwnWords } from '../../src/domain/own-words.ts';
import { READING } from './samples.ts';

describe('affordableLookBackMs', () => {
  it.each([
    [0, 3_600_000],
    [0.5, 3_600_000],
    [0.7, 1_800_000],
    [0.9, 0],
    [1, 0],
  ])('at %d full', (fill, lookBack) => {
    expect(affordableLookBackMs(3_600_000, fill)).toBeCloseTo(lookBack, -1);
  });
});

describe('parseMeasurements', () => {
  const parse = (text: string) => parseMeasurements(Buffer.from(text));

  it('reads what the ingest stores', () => {
    expect(parse(JSON.stringify({ measurements: [READING], firmwareVersion: '1.2' }))).toEqual({
      measurements: [READING],
      firmwareVersion: '1.2',
    });
  });

  it.each([
    'no json',
    '[]',
    '{}',
    '{"measurements":[{"sensorId":"a/b","time":1,"values":{"co2":1}}]}',
    '{"measurements":[{"sensorId":"a","time":1,"values":{"co2":"1\\""}}]}',
    '{"measurements":[{"sensorId":"a","time":1,"values":{"CO2":1}}]}',
    '{"measurements":[{"sensorId":"a","time":1,"values":{"co2":null}}]}',
  ])('refuses %s', (text) => {
    expect(parse(text)).toBeUndefined();
  });

  it('makes a body of some readings that it can read again', () => {
    const request = { measurements: [READING, { ...READING, sensorId: 'B' }, { ...READING, sensorId: 'C' }] };
    expect(parseMeasurements(measurementBody(request, [0, 2]))?.measurements.map(({ sensorId }) => sensorId)).toEqual([
      '3002FA',
      'C',
    ]);
  });
});

describe('withOwnWords', () => {
  const record = { incarnation: 'A', firmwareVersion: '1', sensors: { S: { name: 'Desk' } } };

  it('keeps the record when nothing new is said', () => {
    expect(withOwnWords(record, 'A', {})).toBe(record);
    expect(withOwnWords(record, 'A', { firmwareVersion: '1', sensors: [{ sensorId: 'S', name: 'Desk' }] })).toBe(
      record,
    );
    expect(withOwnWords(undefined, 'A', {})).toBeUndefined();
  });

  it('merges what is new', () => {
    const sensors = [{ sensorId: 'S', name: null, group: 'Hall' }];
    expect(withOwnWords(record, 'A', { firmwareVersion: '2', sensors })).toEqual({
      incarnation: 'A',
      firmwareVersion: '2',
      sensors: { S: { group: 'Hall' } },
    });
  });

  it('begins anew for a new registration', () => {
    expect(withOwnWords(record, 'B', { firmwareVersion: '1' })).toEqual({
      incarnation: 'B',
      firmwareVersion: '1',
      sensors: {},
    });
    expect(withOwnWords(record, 'B', {})).toBe(record);
  });
});
