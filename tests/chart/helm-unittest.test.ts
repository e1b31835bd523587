import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isUpdating, tools } from './scenarios.ts';
import { CHART } from './src/helm.ts';
import { run } from './src/run.ts';

const suites = globSync('tests/*_test.yaml', { cwd: CHART });

describe.skipIf(tools.helmUnittest === null || suites.length === 0)('the suites of the chart', () => {
  it('pass under helm-unittest, and their snapshots are what is rendered', async () => {
    const flags = ['--strict', '--color=false', ...(isUpdating ? ['--update-snapshot'] : [])];
    const { code, stdout, stderr } = await run(tools.helmUnittest ?? '', [...flags, CHART]);
    expect(code, stdout + stderr).toBe(0);
  });
});
