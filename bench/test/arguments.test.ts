import { expect, it } from 'vitest';
import { parseArguments, UsageError } from '../src/arguments.ts';
import { SECTION_NAMES } from '../src/section.ts';

it('runs everything by default', () => {
  expect(parseArguments([])).toMatchObject({
    only: SECTION_NAMES,
    quick: false,
    syncAlways: false,
    runs: undefined,
    qos: [0, 1, 2],
    batch: [1, 10, 50],
    gateways: 200,
    json: undefined,
    markdown: false,
  });
});

it('takes sections in the order they run, however they were named', () => {
  expect(parseArguments(['--only', 'sessions,throughput'])?.only).toEqual(['throughput', 'sessions']);
});

it('takes lists and counts', () => {
  const options = parseArguments([
    '--qos',
    '1',
    '--batch',
    '10,50',
    '--runs',
    '4',
    '--sessions',
    '0',
    '--json',
    'f.json',
    '--sync-always',
  ]);
  expect(options).toMatchObject({
    qos: [1],
    batch: [10, 50],
    runs: 4,
    sessions: [0],
    json: 'f.json',
    syncAlways: true,
  });
});

it('answers a call for help with nothing to run', () => {
  expect(parseArguments(['--help'])).toBeUndefined();
});

it.each([
  [['--only', 'nothing'], /no section nothing/],
  [['--qos', '3'], /0, 1 and 2/],
  [['--runs', '0'], /1 or more/],
  [['--runs', 'many'], /whole number/],
  [['--batch', '1;10'], /separated by commas/],
  [['--unknown'], /unknown/i],
])('refuses %j', (argv, message) => {
  expect(() => parseArguments(argv)).toThrow(UsageError);
  expect(() => parseArguments(argv)).toThrow(message);
});
