import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { scenarioTable } from '../src/report.ts';
import { SCENARIOS } from '../src/scenarios/index.ts';

const page = readFileSync(new URL('../../../docs/deploy.md', import.meta.url), 'utf8');

test('docs/deploy.md lists every scenario: npm run test:e2e -- --list --markdown', () => {
  expect(page).toContain(scenarioTable(SCENARIOS));
});
