import type { Clock } from './clock.ts';
import { delay } from './deadline.ts';

export interface PeriodicOptions {
  /** From the end of one round to the beginning of the next, ms. */
  intervalMs: number;
  clock: Clock;
  /** One round; the signal aborts when there are to be no more. */
  round: (signal: AbortSignal) => Promise<void>;
  /** A round has failed; the next one comes all the same. May throw what must not be survived. */
  onError: (error: unknown) => void;
}

/** Something that has to be done now and then, one round at a time. */
export class Periodic {
  readonly #options: PeriodicOptions;
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: PeriodicOptions) {
    this.#options = options;
  }

  /** The first round comes after one interval. */
  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when the round under way has ended. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { intervalMs, clock, round, onError } = this.#options;
    const { signal } = this.#stopped;
    for (;;) {
      await delay(intervalMs, clock, signal);
      if (signal.aborted) return;
      try {
        await round(signal);
      } catch (error) {
        onError(error);
      }
    }
  }
}
