export { concludeRun } from './conclude-run.ts';
export { markdownTable, resultLines, resultTable } from './result-table.ts';
export { seedAndSlack } from './run-arguments.ts';
export type { RunResult } from './run-result.ts';
