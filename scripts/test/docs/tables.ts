import { readFileSync } from 'node:fs';

export interface Row {
  /** Heading of the section that the table stands in. */
  readonly section: string;
  readonly cells: readonly string[];
}

/** A page of the documentation. */
export function readPage(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
}

/** The rows of all tables of a page whose first column has this header. */
export function rowsOf(page: string, firstHeader: string): Row[] {
  const rows: Row[] = [];
  let section = '';
  let header: string | undefined;
  for (const line of page.split('\n')) {
    if (line.startsWith('#')) section = line.replace(/^#+ /, '');
    if (!line.startsWith('|')) header = undefined;
    else if (header === undefined) header = cellsOf(line)[0];
    else if (header === firstHeader && !/^\|[-|]+\|$/.test(line)) rows.push({ section, cells: cellsOf(line) });
  }
  return rows;
}

/** What stands in backticks. */
export function codesOf(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}
