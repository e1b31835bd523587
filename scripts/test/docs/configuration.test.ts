import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { renderConfiguration } from '../../generate-configuration.ts';

it('docs/configuration.md is what the schemas say now', () => {
  const file = new URL('../../../docs/configuration.md', import.meta.url);
  const how = 'run: node --conditions=development scripts/generate-configuration.ts';
  expect(readFileSync(file, 'utf8'), how).toBe(renderConfiguration());
});
