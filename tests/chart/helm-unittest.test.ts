import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isUpdating, tools } from './scenarios.ts';
import { copyOfChart } from './src/copy-of-chart.ts';
import { CHART } from './src/helm.ts';
import { type Outcome, run } from './src/run.ts';

const SNAPSHOTS = 'tests/__snapshot__/snapshots_test.yaml.snap';
const suites = globSync('tests/*_test.yaml', { cwd: CHART });

describe.skipIf(tools.helmUnittest === null || suites.length === 0)('the suites of the chart', () => {
  it('pass under helm-unittest, and their snapshots are what is rendered', async () => {
    const before = snapshots();
    const { code, stdout, stderr } = await runSuites(CHART);
    expect(code, stdout + stderr).toBe(0);
    // Snapshots that are missing are added without a word.
    if (!isUpdating) expect(snapshots() === before, 'no snapshot was missing or left over').toBe(true);
  });

  it.skipIf(isUpdating)('fail where a snapshot is not what is rendered', async () => {
    const chart = copyOfChart(SNAPSHOTS, (text) => text.replace('maxSurge: 1', 'maxSurge: 2'));
    const { code, stdout } = await runSuites(chart);
    expect(code, stdout).toBe(1);
    expect(stdout).toMatch(/^Snapshot: +1 failed, \d+ passed/m);
  });
});

function runSuites(chart: string): Promise<Outcome> {
  const flags = ['--strict', '--color=false', ...(isUpdating ? ['--update-snapshot'] : [])];
  return run(tools.helmUnittest ?? '', [...flags, chart]);
}

function snapshots(): string {
  return readFileSync(join(CHART, SNAPSHOTS), 'utf8');
}
