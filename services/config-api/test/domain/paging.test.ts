import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Page, pageOf } from '../../src/domain/paging.ts';
import { Refusal } from '../../src/domain/refusal.ts';

function allPages(ids: string[], limit: number, pick: (id: string) => string | undefined): string[][] {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page: Page<string> = pageOf(ids, cursor === undefined ? { limit } : { limit, cursor }, pick);
    pages.push(page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return pages;
}

describe('pageOf', () => {
  const ids = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/), { maxLength: 40 });

  it('shows everything once, in order, in full pages', () => {
    fc.assert(
      fc.property(ids, fc.integer({ min: 1, max: 10 }), (all, limit) => {
        const isWanted = (id: string) => id.length % 2 === 0;
        const pages = allPages(all, limit, (id) => (isWanted(id) ? id : undefined));
        const expected = all.filter(isWanted).sort((a, b) => (a < b ? -1 : 1));
        expect(pages.flat()).toEqual(expected);
        for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
        expect(pages).toHaveLength(Math.max(1, Math.ceil(expected.length / limit)));
      }),
    );
  });

  it('neither repeats nor hides others when the last one shown is deleted', () => {
    const first = pageOf(['a', 'b', 'c', 'd'], { limit: 2 }, (id) => id);
    expect(first.items).toEqual(['a', 'b']);
    expect(pageOf(['a', 'c', 'd'], { limit: 2, cursor: first.nextCursor! }, (id) => id)).toEqual({ items: ['c', 'd'] });
  });

  it('asks for no more items than it shows, and one', () => {
    const asked: string[] = [];
    pageOf(['d', 'c', 'b', 'a'], { limit: 2 }, (id) => {
      asked.push(id);
      return id;
    });
    expect(asked).toEqual(['a', 'b', 'c']);
  });

  it.each(['', '%%%', 'gw-1=', 'Z3ctMQ=='])('refuses %j, which is no cursor', (cursor) => {
    expect(() => pageOf(['a'], { cursor }, (id) => id)).toThrow(Refusal);
  });
});
