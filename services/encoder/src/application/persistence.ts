import { isGatecastError } from '@gatecast/shared/errors';
import { type Clock, delay, fullJitter } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';

export interface PersistenceOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Aborted: whoever waits gets the signal's reason thrown. */
  readonly signal: AbortSignal;
}

const BACKOFF = { baseMs: 100, maxMs: 5_000 };
const LOG_EVERY = 10;

/** Waits and repeats: what NATS does not do now it will do later. */
export class Persistence {
  readonly #options: PersistenceOptions;

  constructor(options: PersistenceOptions) {
    this.#options = options;
  }

  /** Repeats `attempt` until it succeeds. Only GatecastErrors are waited out: anything else is a bug, and is thrown. */
  async untilDone<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures += 1) {
      this.#options.signal.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        await this.pause(what, error, failures);
      }
    }
  }

  /** Full-jitter back-off after the `failures`-th failure in a row, with a log line for the first and every tenth. */
  async pause(what: string, error: unknown, failures: number): Promise<void> {
    const { clock, random, log, signal } = this.#options;
    if (failures % LOG_EVERY === 1) log.warn({ err: error, failures }, `${what} failed, trying again`);
    await delay(fullJitter(failures, BACKOFF, random), clock, signal);
    signal.throwIfAborted();
  }

  async until(condition: () => boolean, intervalMs: number): Promise<void> {
    const { clock, signal } = this.#options;
    signal.throwIfAborted();
    while (!condition()) {
      await delay(intervalMs, clock, signal);
      signal.throwIfAborted();
    }
  }
}
