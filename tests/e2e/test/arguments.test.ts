import { expect, test } from 'vitest';
import { parseArguments } from '../src/arguments.ts';
import { SCENARIOS } from '../src/scenarios/index.ts';

const parse = (...argv: string[]) => parseArguments(argv, SCENARIOS, () => 42);
const names = (...argv: string[]) => {
  const options = parse(...argv);
  return options === 'help' ? [] : options.scenarios.map(({ name }) => name);
};

test('everything by default, in order, with a seed by chance', () => {
  expect(parse()).toEqual({
    scenarios: SCENARIOS,
    seed: 42,
    slack: 1,
    list: false,
    json: undefined,
    markdown: false,
    keep: false,
  });
  expect(parse('--help')).toBe('help');
});

test('scenarios by name, in the order of the list, and the selection for CI', () => {
  expect(names('upgrade', 'install')).toEqual(['install', 'upgrade']);
  expect(names('--selection', 'ci')).toContain('upgrade');
  expect(names('--selection', 'ci').length).toBeLessThan(SCENARIOS.length);
});

test('what cannot be meant is refused', () => {
  expect(parse('--seed', '7')).toMatchObject({ seed: 7 });
  for (const argv of [['--seed', 'x'], ['--slack', '0.5'], ['nonesuch'], ['--selection', 'all'], ['--nonesuch']]) {
    expect(() => parse(...argv)).toThrow(TypeError);
  }
});

test('names are unique', () => {
  expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
});
