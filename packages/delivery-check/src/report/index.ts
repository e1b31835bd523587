export { markdownTable, resultLines, resultTable } from './result-table.ts';
export type { RunResult } from './run-result.ts';
