import { setTimeout as pause } from 'node:timers/promises';

/** Resolves after `ms`, or at once when `signal` is aborted. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  await pause(Math.max(0, ms), undefined, signal ? { signal } : {}).catch(() => undefined);
}
