import { fullJitter } from '@gatecast/shared/lifecycle';

/** What came of a request: an answer, or none. */
export type Outcome =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly retryAfter: string | null;
      /** Of the problem details. */
      readonly code: string | undefined;
      readonly intervalSeconds: number | undefined;
    }
  | { readonly kind: 'no_answer'; readonly reason: string };

/** What a gateway does then. `refused`: never again, this gateway is not known any more. */
export type Decision =
  | { readonly action: 'accepted'; readonly intervalSeconds: number | undefined }
  | { readonly action: 'retry'; readonly delayMs: number; readonly reason: string }
  | { readonly action: 'drop'; readonly reason: string }
  | { readonly action: 'refused'; readonly reason: string };

const BACKOFF = { baseMs: 500, maxMs: 15_000 };
/** So that gateways that were told the same Retry-After do not come back in the same moment. */
const SPREAD_MS = 500;

/** `attempt` counts from 1. `random` is uniform in [0, 1). */
export function decide(outcome: Outcome, attempt: number, random: () => number): Decision {
  if (outcome.kind === 'no_answer') {
    return { action: 'retry', delayMs: fullJitter(attempt, BACKOFF, random), reason: outcome.reason };
  }
  const { status, retryAfter, code, intervalSeconds } = outcome;
  const reason = code === undefined ? String(status) : `${status} ${code}`;
  if (status === 202) return { action: 'accepted', intervalSeconds };
  if (status === 401 || status === 403) return { action: 'refused', reason };
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = retryAfter === null ? Number.NaN : Number(retryAfter);
    const delayMs = seconds >= 0 ? seconds * 1000 + random() * SPREAD_MS : fullJitter(attempt, BACKOFF, random);
    return { action: 'retry', delayMs, reason };
  }
  return { action: 'drop', reason };
}
