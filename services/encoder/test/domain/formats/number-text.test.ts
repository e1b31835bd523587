import { METRICS, NUMERIC_TEXT_PATTERN } from '@gatecast/shared/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonNumber, metricText, shortestJsonNumber } from '../../../src/domain/formats/number-text.ts';

const numericText = fc.stringMatching(new RegExp(NUMERIC_TEXT_PATTERN)).filter((text) => text.length <= 64);
/** Rounded up, larger ones would be no double any more. */
const finite = fc.double({ noNaN: true, min: -1e300, max: 1e300 });

describe('metricText', () => {
  it.each([
    ['temperature', 22.8, '22.800'],
    ['temperature', -0.0004, '0.000'],
    ['temperature', -0, '0.000'],
    ['temperature', -12.3456, '-12.346'],
    ['humidity', 41, '41.0'],
    ['co2', 452.4, '452'],
    ['co2', -0.4, '0'],
    ['atmosphericpressure', 102560, '102560'],
    ['battery', 0.92, '0.92'],
    ['rssi', -69, '-69.000000'],
    ['current', 1e-7, '0.000000'],
    ['radon', 1e21, '1000000000000000000000'],
    ['temperature', -1e21, '-1000000000000000000000.000'],
    ['radon', 1.5e300, BigInt(1.5e300).toString()],
    ['pm2_5', 0.0000123456, '0.000012346'],
    ['pm2_5', 1.2e-8, '1.2000e-8'],
    ['pm1', 0, '0.0000'],
    ['bec', 0.01234, '1.234e-2'],
    ['bec', 0, '0.000e+0'],
    ['something_else', 1.5, '1.5'],
    ['something_else', -0, '0'],
    ['something_else', 1e21, '1e+21'],
  ])('prints %s %d as %s', (metric, value, text) => {
    expect(metricText(metric, value)).toBe(text);
  });

  it('prints every number of every metric as a number, to half a unit of the last place', () => {
    fc.assert(
      fc.property(fc.constantFrom(...METRICS.values()), finite, ({ key, precision }, value) => {
        const text = metricText(key, value);
        expect(text).toMatch(new RegExp(NUMERIC_TEXT_PATTERN));
        const tolerance =
          precision.kind === 'decimals'
            ? 0.5 * 10 ** -precision.digits + Math.abs(value) * 1e-15
            : Math.abs(value) * 10 ** (1 - precision.digits) + Number.MIN_VALUE;
        expect(Math.abs(Number(text) - value)).toBeLessThanOrEqual(tolerance);
      }),
    );
  });
});

describe('jsonNumber', () => {
  it.each([
    ['22.800', '22.800'],
    ['-69.000000', '-69.000000'],
    ['1E5', '1E5'],
    ['-0', '-0'],
    ['+5', '5'],
    ['007', '7'],
    ['-007.50', '-7.50'],
    ['5.', '5'],
    ['.5', '0.5'],
    ['-.5e-3', '-0.5e-3'],
    ['000', '0'],
    ['5.e2', '5e2'],
  ])('writes %s as %s', (text, json) => {
    expect(jsonNumber(text)).toBe(json);
  });

  it('writes any numeric text as JSON of the same value, with the same digits behind leading zeros', () => {
    fc.assert(
      fc.property(numericText, (text) => {
        const json = jsonNumber(text);
        expect(JSON.parse(json)).toBe(Number(text));
        const digits = (one: string) =>
          one
            .replace(/[eE].*$/, '')
            .replace(/[^\d]/g, '')
            .replace(/^0+/, '');
        expect(digits(json)).toBe(digits(text));
      }),
    );
  });
});

describe('shortestJsonNumber', () => {
  it.each([
    ['22.800', '22.8'],
    ['452', '452'],
    ['+0.50', '0.5'],
    ['-0.000', '0'],
    ['12345678901234567890', '12345678901234567890'],
    ['0.10000000000000000000', '0.10000000000000000000'],
    ['1.2000e-8', '1.2000e-8'],
    ['1e999', '1e999'],
  ])('writes %s as %s', (text, json) => {
    expect(shortestJsonNumber(text)).toBe(json);
  });

  it('never changes the value that a reader of JSON gets', () => {
    fc.assert(
      fc.property(numericText, (text) => {
        expect(JSON.parse(shortestJsonNumber(text)) + 0).toBe(Number(text) + 0);
      }),
    );
  });
});
