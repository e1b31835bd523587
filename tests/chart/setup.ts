import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { type ChartTools, ensureChartTools } from '../../scripts/toolchain/chart-tools.mjs';
import { currentPlatform } from '../../scripts/toolchain/platform.mjs';
import { Supervisor } from '../../scripts/toolchain/supervisor.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    chartTools: ChartTools;
  }
}

/** Makes sure of the tools, once for all test files: the first time this takes some minutes. */
export async function setup(project: TestProject): Promise<void> {
  const root = join(import.meta.dirname, '../..');
  const log = (line: string) => void process.stderr.write(`gatecast: ${line}\n`);
  const supervisor = new Supervisor({ log, ownGroups: false });
  try {
    const tools = await ensureChartTools({
      root,
      tools: join(root, '.tools'),
      env: process.env,
      platform: currentPlatform(),
      log,
      run: supervisor.run,
      throwIfStopped: () => supervisor.throwIfStopped(),
    });
    project.provide('chartTools', tools);
  } finally {
    supervisor.close();
  }
}
