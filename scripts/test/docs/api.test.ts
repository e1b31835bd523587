import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { codesOf, readPage, rowsOf } from './tables.ts';

const root = join(import.meta.dirname, '../../..');

/** Codes of problems in the sources: of the shared handler, of refusals, and of the two services' own answers. */
const CODES = [
  /new HttpProblem\(\s*(?:\d+|status|STATUS\[kind\]),\s*'(\w+)'/g,
  /new Refusal\(\s*'\w+',\s*'(\w+)'/g,
  /\bunavailable\(\s*'(\w+)'/g,
];

function codesIn(pattern: string): string[] {
  const sources = globSync(pattern, { cwd: root }).map((path) => readFileSync(join(root, path), 'utf8'));
  return sources.flatMap((source) => CODES.flatMap((code) => [...source.matchAll(code)].map(([, name = '']) => name)));
}

it('docs/api.md has every code of a problem that the services answer with, and no other', () => {
  const answered = [
    ...codesIn('packages/shared/src/http/*.ts'),
    ...codesIn('services/config-api/src/**/*.ts'),
    ...codesIn('services/sensor-ingest/src/**/*.ts'),
  ];
  const documented = rowsOf(readPage('docs/api.md'), 'status').flatMap(({ cells }) => codesOf(cells[1] ?? ''));
  expect([...new Set(documented)].sort()).toEqual([...new Set(answered)].sort());
});
