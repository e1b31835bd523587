import { describe, expect, test } from 'vitest';
import { parseArguments, USAGE, UsageError } from '../src/arguments.ts';

const DEFAULTS = {
  gateways: 5,
  sensors: 4,
  intervalSeconds: undefined,
  speed: 30,
  format: undefined,
  broker: undefined,
  durationSeconds: undefined,
  seed: 1,
};

test('without flags, the defaults', () => {
  expect(parseArguments([])).toEqual(DEFAULTS);
});

test('every flag, also with =', () => {
  const flags = [
    '--gateways',
    '200',
    '--sensors=10',
    '--interval',
    '1.5',
    '--format=raw',
    '--duration',
    '60',
    '--seed',
    '7',
  ];
  expect(parseArguments([...flags, '--broker', 'mqtts://me:s%40fe@[::1]:8884'])).toEqual({
    ...DEFAULTS,
    gateways: 200,
    sensors: 10,
    intervalSeconds: 1.5,
    format: 'raw',
    durationSeconds: 60,
    seed: 7,
    broker: { host: '::1', port: 8884, tls: true, username: 'me', password: 's@fe' },
  });
  expect(parseArguments(['--speed', '60'])).toEqual({ ...DEFAULTS, speed: 60 });
});

test.each([['--help'], ['-h'], ['--gateways', '3', '--help']])('help: %s', (...argv) => {
  expect(parseArguments(argv)).toBe('help');
});

test('the usage names every flag', () => {
  for (const flag of ['gateways', 'sensors', 'interval', 'speed', 'format', 'broker', 'duration', 'seed', 'help']) {
    expect(USAGE).toContain(`--${flag} `);
  }
});

describe('refuses', () => {
  test.each([
    [['--gatways', '3'], /--gatways/],
    [['--gateways'], /--gateways/],
    [['3'], /'3'/],
    [['--gateways', '0'], '--gateways takes 1 to 1000, not 0'],
    [['--gateways', '1001'], '--gateways takes 1 to 1000, not 1001'],
    [['--gateways', '2.5'], '--gateways takes a whole number, not "2.5"'],
    [['--gateways', '1e2'], '--gateways takes a whole number, not "1e2"'],
    [['--sensors', '101'], '--sensors takes 1 to 100, not 101'],
    [['--interval', '0.5'], '--interval takes 1 to 3600, not 0.5'],
    [['--interval', 'fast'], '--interval takes a number, not "fast"'],
    [['--interval', '2', '--speed', '2'], /give one of them/],
    [['--speed', '61'], '--speed takes 1 to 60, not 61'],
    [['--duration', ''], '--duration takes a number, not ""'],
    [['--format', 'xml'], '--format takes raw, json, azure, not xml'],
    [['--broker', 'http://example.org'], '--broker has to begin with mqtt:// or mqtts://, not http://'],
    [['--seed', '-1'], /--seed/],
  ])('%j', (argv, message) => {
    expect(() => parseArguments(argv)).toThrow(UsageError);
    expect(() => parseArguments(argv)).toThrow(message);
  });
});
