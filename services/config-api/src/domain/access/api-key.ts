import { createHash } from 'node:crypto';
import type { Scope } from './scope.ts';

/** Marks our keys for people and for secret scanners. */
export const API_KEY_PREFIX = 'gck_';

/** Record of the bucket `apikeys`, under its id. The key itself is shown once and stored nowhere. */
export interface ApiKeyRecord {
  id: string;
  workspace: string;
  name: string;
  scopes: readonly Scope[];
  /** SHA-256, hex. 256 random bits need no slow hash. */
  hash: string;
  /** ISO 8601. */
  createdAt: string;
  /** ISO 8601; without it the key does not expire. */
  expiresAt?: string;
}

/** @param now ms since the epoch */
export function isExpired(record: ApiKeyRecord, now: number): boolean {
  return record.expiresAt !== undefined && Date.parse(record.expiresAt) <= now;
}

/** How tokens and keys are stored: SHA-256 over their UTF-8 bytes, hex. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex');
}
