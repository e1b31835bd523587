import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isUpdating, tools } from './scenarios.ts';
import { CHART } from './src/helm.ts';
import { type Outcome, run } from './src/run.ts';

const SNAPSHOTS = 'tests/__snapshot__/snapshots_test.yaml.snap';
const suites = globSync('tests/*_test.yaml', { cwd: CHART });

describe.skipIf(tools.helmUnittest === null || suites.length === 0)('the suites of the chart', () => {
  it('pass under helm-unittest, and their snapshots are what is rendered', async () => {
    const before = snapshotsOf(CHART);
    const { code, stdout, stderr } = await runSuites(CHART);
    expect(code, stdout + stderr).toBe(0);
    // Snapshots that are missing are added without a word.
    if (!isUpdating) expect(snapshotsOf(CHART) === before, 'no snapshot was missing or left over').toBe(true);
  });

  it.skipIf(isUpdating)('fail where a snapshot is not what is rendered', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatecast-chart-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const chart = join(folder, 'gatecast');
    cpSync(CHART, chart, { recursive: true });
    writeFileSync(join(chart, SNAPSHOTS), snapshotsOf(CHART).replace('maxSurge: 1', 'maxSurge: 2'));
    const { code, stdout } = await runSuites(chart);
    expect(code, stdout).toBe(1);
    expect(stdout).toMatch(/^Snapshot: +1 failed, \d+ passed/m);
  });
});

function runSuites(chart: string): Promise<Outcome> {
  const flags = ['--strict', '--color=false', ...(isUpdating ? ['--update-snapshot'] : [])];
  return run(tools.helmUnittest ?? '', [...flags, chart]);
}

function snapshotsOf(chart: string): string {
  return readFileSync(join(chart, SNAPSHOTS), 'utf8');
}
