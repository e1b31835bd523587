import { randomBytes } from 'node:crypto';
import type { Randomness } from '../application/ports.ts';

/** Ids and secrets from the operating system's generator. */
export const systemRandomness: Randomness = {
  token: () => randomBytes(32).toString('base64url'),
  id: () => randomBytes(12).toString('base64url'),
};
