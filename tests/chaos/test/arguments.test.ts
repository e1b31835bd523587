import { expect, test } from 'vitest';
import { parseArguments } from '../src/arguments.ts';
import { SCENARIOS } from '../src/scenarios/index.ts';

const parse = (...argv: string[]) => parseArguments(argv, SCENARIOS, () => 42);

test('everything by default, in order, with a seed by chance', () => {
  expect(parse()).toEqual({ scenarios: SCENARIOS, seed: 42, slack: 1, list: false, json: undefined, markdown: false });
  expect(parse('--help')).toBe('help');
});

test('scenarios by name and by group, and the short selection', () => {
  const names = (options: ReturnType<typeof parse>) =>
    options === 'help' ? [] : options.scenarios.map(({ name }) => name);
  expect(names(parse('--scenario', 'scale', '--scenario', 'publisher-kill9'))).toEqual(['publisher-kill9', 'scale']);
  expect(names(parse('--scenario', 'qos2')).every((name) => name.startsWith('qos2-'))).toBe(true);
  expect(names(parse('--short'))).toContain('publisher-kill9');
  expect(names(parse('--short')).length).toBeLessThan(6);
});

test('what cannot be meant is refused', () => {
  expect(parse('--seed', '7')).toMatchObject({ seed: 7 });
  for (const argv of [
    ['--seed', 'x'],
    ['--seed', '-1'],
    ['--slack', '0.5'],
    ['--scenario', 'nonesuch'],
    ['--nonesuch'],
  ]) {
    expect(() => parse(...argv)).toThrow(TypeError);
  }
});
