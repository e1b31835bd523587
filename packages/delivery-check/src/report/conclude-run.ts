import { writeFile } from 'node:fs/promises';
import type { LogFiles } from '@gatecast/local-stack';
import { markdownTable, resultTable } from './result-table.ts';
import type { RunArguments } from './run-arguments.ts';
import type { RunResult } from './run-result.ts';

/** Writes and prints what a run of several scenarios came to, and closes its logs. Returns the exit code: 1 when a promise was broken. */
export async function concludeRun(
  results: readonly RunResult[],
  { seed, json, markdown }: Pick<RunArguments, 'seed' | 'json' | 'markdown'>,
  logs: Pick<LogFiles, 'folder' | 'close'>,
  print: (text: string) => void,
): Promise<number> {
  const broken = results.filter((result) => result.broken.length > 0);
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ seed, results }, undefined, 2)}\n`);
  if (results.length > 1) print(`\n${(markdown ? markdownTable : resultTable)(results)}`);
  await logs.close();
  const verdict =
    broken.length === 0 ? 'every promise was kept' : `broken: ${broken.map(({ name }) => name).join(', ')}`;
  print(`\n${verdict}; seed ${seed}; logs in ${logs.folder}`);
  return broken.length === 0 ? 0 : 1;
}
