export { concludeRun } from './conclude-run.ts';
export { markdownTable, resultLines, resultTable } from './result-table.ts';
export { RUN_FLAGS, type RunArguments, runArguments } from './run-arguments.ts';
export type { RunResult } from './run-result.ts';
