import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { TestingError } from './errors.ts';

export interface WaitForOptions {
  /** Default 5,000. */
  readonly timeoutMs?: number;
  /** Time between two looks. Default 5. */
  readonly intervalMs?: number;
  /** What is awaited, for the error: "three PUBACKs", "status of gw-1 to be ok". A function is asked at the end. */
  readonly describe?: string | (() => string);
}

type Falsy = false | 0 | '' | null | undefined;

type Look<T> = { readonly value: T } | { readonly error: unknown } | 'unanswered';

/**
 * Looks at `condition` until it is truthy, and returns its value. A condition that throws counts as not yet met.
 * @throws {TestingError} `WAIT_TIMEOUT`, saying what was awaited and what was seen last.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitForOptions = {},
): Promise<Exclude<T, Falsy>> {
  const { timeoutMs = 5_000, intervalMs = 5 } = options;
  const deadline = performance.now() + timeoutMs;
  let last: Look<T> = 'unanswered';
  for (;;) {
    const seen = await look(condition, deadline - performance.now());
    if (seen !== 'unanswered') last = seen;
    if (typeof seen === 'object' && 'value' in seen && seen.value) return seen.value as Exclude<T, Falsy>;
    if (performance.now() >= deadline) throw timeout(last, timeoutMs, options.describe);
    await pause(Math.min(intervalMs, Math.max(0, deadline - performance.now())));
  }
}

async function look<T>(condition: () => T | Promise<T>, remainingMs: number): Promise<Look<T>> {
  const abort = new AbortController();
  try {
    const result = condition();
    if (!(result instanceof Promise)) return { value: result };
    const given = result.then((value) => ({ value }));
    const deadline = pause(Math.max(0, remainingMs), 'unanswered' as const, { signal: abort.signal });
    deadline.catch(() => undefined); // the abort below
    return await Promise.race([given, deadline]);
  } catch (error) {
    return { error };
  } finally {
    abort.abort();
  }
}

function timeout(last: Look<unknown>, timeoutMs: number, describe: WaitForOptions['describe']): TestingError {
  const what = (typeof describe === 'function' ? describe() : describe) ?? 'the condition';
  const message = `waited ${timeoutMs} ms for ${what}`;
  if (last === 'unanswered') return new TestingError('WAIT_TIMEOUT', `${message}; it never answered`);
  if ('error' in last) {
    return new TestingError('WAIT_TIMEOUT', `${message}; last it threw: ${String(last.error)}`, last.error);
  }
  return new TestingError('WAIT_TIMEOUT', `${message}; last it was: ${brief(last.value)}`);
}

function brief(value: unknown): string {
  const text = inspect(value, { depth: 4, breakLength: 120, maxArrayLength: 20, maxStringLength: 500 });
  return text.length > 2_000 ? `${text.slice(0, 2_000)}…` : text;
}
