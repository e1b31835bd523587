import { describe, expect, it } from 'vitest';
import { etagOf, parseIfMatch, requireMatch, requirePrecondition } from '../../src/domain/revision.ts';

describe('parseIfMatch', () => {
  it.each([
    [undefined, undefined],
    ['*', '*'],
    ['"12"', [12]],
    ['"12", "13"', [12, 13]],
    ['W/"12"', []],
    ['W/"12", "13"', [13]],
    ['12', []],
    ['"abc"', []],
    ['', []],
  ])('%j is %j', (header, expected) => {
    expect(parseIfMatch(header)).toEqual(expected);
  });

  it('reads back what etagOf writes', () => {
    expect(parseIfMatch(etagOf(4711))).toEqual([4711]);
  });
});

describe('requireMatch', () => {
  it('lets pass what matches, or asks for nothing', () => {
    requireMatch(undefined, 5);
    requireMatch('*', 5);
    requireMatch([4, 5], 5);
  });

  it('refuses what does not', () => {
    expect(() => requireMatch([4], 5)).toThrow(expect.objectContaining({ kind: 'stale', code: 'stale_revision' }));
    expect(() => requireMatch([], 5)).toThrow(expect.objectContaining({ kind: 'stale' }));
  });
});

describe('requirePrecondition', () => {
  it('refuses a write that does not say what it was made to', () => {
    expect(() => requirePrecondition(undefined)).toThrow(expect.objectContaining({ code: 'if_match_required' }));
    requirePrecondition([]);
  });
});
