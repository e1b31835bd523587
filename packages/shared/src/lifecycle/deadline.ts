import { GatecastError } from '../errors/index.ts';
import type { Clock } from './clock.ts';

/**
 * `promise`, or a rejection after `ms`.
 * @throws {GatecastError} `STOP_DEADLINE`, naming `what`; the promise goes on unobserved.
 */
export async function withDeadline<T>(promise: Promise<T>, ms: number, what: string, clock: Clock): Promise<T> {
  let timer: { cancel(): void } | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = clock.setTimeout(() => reject(new GatecastError('STOP_DEADLINE', `${what} took over ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    timer?.cancel();
  }
}

/** Resolves after `ms`, or at once when `signal` is, or becomes, aborted. */
export function delay(ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
