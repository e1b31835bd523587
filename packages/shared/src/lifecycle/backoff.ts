export interface BackoffOptions {
  /** Upper bound of the first delay, ms. */
  baseMs: number;
  /** Upper bound of every delay, ms. */
  maxMs: number;
}

/**
 * Delay in ms before attempt `attempt` (1 = the first retry): uniform in (0, min(max, base · 2^(attempt-1))], "full
 * jitter", so that thousands of clients that lost the same server do not come back together.
 */
export function fullJitter(attempt: number, { baseMs, maxMs }: BackoffOptions, random: () => number): number {
  const bound = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return Math.max(1, Math.ceil(random() * bound));
}
