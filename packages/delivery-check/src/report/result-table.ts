import type { RunResult } from './run-result.ts';

const count = (value: number) => value.toLocaleString('en-US');
const seconds = (ms: number) => (ms / 1000).toFixed(1);

/** One line, and one more for each promise that was broken, the first few. */
export function resultLines(result: RunResult): string {
  const { name, seconds: took, totals, extras, broken } = result;
  const figures = [
    `accepted ${count(totals.accepted)}`,
    `delivered ${count(totals.delivered)}`,
    `missing ${totals.missing}`,
    `duplicates ${totals.duplicates} of ${result.duplicatesAllowed}`,
    `out of order ${totals.outOfOrder}`,
    `stale ${totals.stale}`,
    `worst gap ${seconds(totals.worstGapMs)} s`,
    ...(totals.lost > 0 ? [`lost ${count(totals.lost)}`] : []),
    ...Object.entries(extras).map(([what, value]) => `${what} ${value}`),
  ];
  const verdict = broken.length === 0 ? 'kept  ' : 'BROKEN';
  const line = `${verdict} ${name.padEnd(28)} ${took.toFixed(0).padStart(4)} s  ${figures.join(', ')}`;
  const shown = broken.slice(0, 6).map((text) => `         ${text}`);
  if (broken.length > shown.length) shown.push(`         and ${broken.length - shown.length} more`);
  return [line, ...shown].join('\n');
}

const COLUMNS = [
  'scenario',
  'accepted',
  'missing',
  'duplicates',
  'allowed',
  'out of order',
  'stale',
  'worst gap, s',
  'more',
] as const;

function row({ name, totals, extras, broken, duplicatesAllowed }: RunResult): string[] {
  const more = Object.entries(extras).map(([what, value]) => `${what} ${value}`);
  if (totals.lost > 0) more.push(`lost ${count(totals.lost)}`);
  if (broken.length > 0) more.push('BROKEN');
  return [
    name,
    count(totals.accepted),
    String(totals.missing),
    String(totals.duplicates),
    String(duplicatesAllowed),
    String(totals.outOfOrder),
    String(totals.stale),
    seconds(totals.worstGapMs),
    more.join(', '),
  ];
}

/** For a terminal. */
export function resultTable(results: readonly RunResult[]): string {
  const rows = [[...COLUMNS], ...results.map(row)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows
    .map((cells) =>
      cells
        .map((cell, column) =>
          column === 0 || column === COLUMNS.length - 1
            ? cell.padEnd(widths[column] ?? 0)
            : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** For a page of docs/. */
export function markdownTable(results: readonly RunResult[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(COLUMNS),
    `|---|${'---:|'.repeat(COLUMNS.length - 2)}---|`,
    ...results.map((one) => line(row(one))),
  ].join('\n');
}
