import { expect, test } from 'vitest';
import { describeViolations } from '../../src/domain/violations.ts';

test('names a place once, by the first thing that is wrong with it', () => {
  const at = (instancePath: string, keyword: string, message: string) => ({
    instancePath,
    keyword,
    message,
    params: {},
  });
  expect(
    describeViolations([
      at('/measurements/0/values/co2', 'type', 'must be number'),
      at('/measurements/0/values/co2', 'type', 'must be string'),
      at('/measurements/0/values/co2', 'anyOf', 'must match a schema in anyOf'),
      at('/firmwareVersion', 'maxLength', 'must not have more than 64 characters'),
    ]),
  ).toEqual([
    { pointer: '/measurements/0/values/co2', message: 'is neither a number nor a number as text' },
    { pointer: '/firmwareVersion', message: 'must not have more than 64 characters' },
  ]);
});

test('points at each missing property', () => {
  const params = { requiredProperties: ['time', 'values'] };
  expect(
    describeViolations([{ instancePath: '/measurements/3', keyword: 'required', message: 'must have', params }]),
  ).toEqual([
    { pointer: '/measurements/3/time', message: 'is required' },
    { pointer: '/measurements/3/values', message: 'is required' },
  ]);
});
