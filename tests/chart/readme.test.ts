import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isUpdating, tools } from './scenarios.ts';
import { CHART } from './src/helm.ts';
import { run } from './src/run.ts';

const readme = join(CHART, 'README.md');

describe.skipIf(tools.helmDocs === null)('README of the chart', () => {
  it('is what helm-docs makes of the comments in values.yaml', async () => {
    const { code, stdout, stderr } = await run(tools.helmDocs ?? '', ['--chart-search-root', CHART, '--dry-run']);
    expect(code, stderr).toBe(0);
    const expected = `${stdout.trim()}\n`;
    if (isUpdating) writeFileSync(readme, expected);
    expect(readFileSync(readme, 'utf8')).toBe(expected);
  });
});
