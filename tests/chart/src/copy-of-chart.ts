import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { CHART } from './helm.ts';

/** The chart with one of its files changed, in a folder that goes with the test. */
export function copyOfChart(file: string, change: (text: string) => string): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatecast-chart-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(CHART, folder, { recursive: true });
  const path = join(folder, file);
  writeFileSync(path, change(readFileSync(path, 'utf8')));
  return folder;
}
