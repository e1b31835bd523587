import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { scenarioTable } from '../src/report.ts';
import { SCENARIOS } from '../src/scenarios/index.ts';

const page = readFileSync(new URL('../../../docs/delivery.md', import.meta.url), 'utf8');

test('docs/delivery.md lists every scenario: npm run chaos -- --list --markdown', () => {
  expect(page).toContain(scenarioTable(SCENARIOS));
});

test('names are unique, and none is a group’s', () => {
  const names = [...SCENARIOS.map(({ name }) => name), ...new Set(SCENARIOS.map(({ group }) => group))];
  expect(new Set(names).size).toBe(names.length);
});
