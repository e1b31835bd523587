import { invalid } from './refusal.ts';

export const DEFAULT_PAGE_SIZE = 100;
export const MAX_PAGE_SIZE = 500;

export interface PageRequest {
  /** Where the last page ended; undefined for the first one. */
  cursor?: string;
  /** 1 … 500, default 100. */
  limit?: number;
}

export interface Page<T> {
  items: T[];
  /** Absent on the last page. */
  nextCursor?: string;
}

/**
 * One page of `ids` in their order, as far as `pick` returns something for them. A cursor names the last id of a page
 * rather than a position: what is created or deleted meanwhile neither repeats nor hides anything else.
 * @throws {Refusal} `validation_failed` when the cursor is not one of ours.
 */
export function pageOf<T>(ids: Iterable<string>, request: PageRequest, pick: (id: string) => T | undefined): Page<T> {
  const limit = request.limit ?? DEFAULT_PAGE_SIZE;
  const after = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
  const remaining = [...ids].filter((id) => after === undefined || id > after).sort(byCodeUnits);
  const items: T[] = [];
  let last = '';
  for (const id of remaining) {
    const item = pick(id);
    if (item === undefined) continue;
    if (items.length === limit) return { items, nextCursor: encodeCursor(last) };
    items.push(item);
    last = id;
  }
  return { items };
}

/** The order of `<`, which the comparison with the cursor uses; a locale's order differs. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function encodeCursor(id: string): string {
  return Buffer.from(id, 'utf8').toString('base64url');
}

function decodeCursor(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString('utf8');
  if (id === '' || encodeCursor(id) !== cursor) {
    throw invalid([{ pointer: 'cursor', message: 'must be a nextCursor of an earlier answer' }]);
  }
  return id;
}
