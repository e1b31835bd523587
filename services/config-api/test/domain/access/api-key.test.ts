import { describe, expect, it } from 'vitest';
import { type ApiKeyRecord, hashToken, isExpired } from '../../../src/domain/access/api-key.ts';

describe('hashToken', () => {
  it('is SHA-256 in hex', () => {
    expect(hashToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('isExpired', () => {
  const record: ApiKeyRecord = {
    id: 'k',
    workspace: 'acme',
    name: 'ci',
    scopes: [],
    hash: '',
    createdAt: '2026-01-01T00:00:00.000Z',
  };
  const end = Date.parse('2026-02-01T00:00:00.000Z');

  it('is from its end on', () => {
    const limited = { ...record, expiresAt: '2026-02-01T00:00:00.000Z' };
    expect(isExpired(limited, end - 1)).toBe(false);
    expect(isExpired(limited, end)).toBe(true);
  });

  it('is never without an end', () => {
    expect(isExpired(record, Number.MAX_SAFE_INTEGER)).toBe(false);
  });
});
