import { type Clock, delay } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { Measurement, MeasurementRequest } from '@gatecast/shared/model';
import { decide, type Outcome } from './answer.ts';

export interface SendQueueOptions {
  /** What the gateway says of itself and its sensors: goes with the first request that is accepted. */
  readonly about: Omit<MeasurementRequest, 'measurements'>;
  readonly post: (body: string, signal: AbortSignal) => Promise<Outcome>;
  readonly onInterval: (seconds: number) => void;
  /** The gateway is not known any more. */
  readonly onRefused: () => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** Readings that come within this time travel together. */
const COLLECT_MS = 200;
const MAX_PER_REQUEST = 500;
/** A gateway's memory is small: beyond that the oldest are forgotten. */
const MAX_WAITING = 20_000;

/**
 * A gateway's line to the ingest: one request at a time, in order, and the same body again until it is answered for
 * good, so that the ingest can recognise a repeat.
 */
export class SendQueue {
  readonly totals = { accepted: 0, retries: 0, dropped: 0, forgotten: 0 };
  readonly #options: SendQueueOptions;
  readonly #waiting: Measurement[] = [];
  readonly #stopped = new AbortController();
  #hasIntroduced = false;
  #isScheduled = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: SendQueueOptions) {
    this.#options = options;
  }

  add(measurement: Measurement): void {
    if (this.#stopped.signal.aborted) return;
    this.#waiting.push(measurement);
    if (this.#waiting.length > MAX_WAITING) {
      this.#waiting.shift();
      this.totals.forgotten += 1;
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#running = this.#run();
  }

  /** Ends the request under way, too. What was not accepted is gone. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopped;
    await delay(COLLECT_MS, clock, signal);
    while (this.#waiting.length > 0 && !signal.aborted) {
      await this.#deliver(this.#waiting.splice(0, MAX_PER_REQUEST));
    }
    this.#isScheduled = false;
  }

  async #deliver(measurements: Measurement[]): Promise<void> {
    const { about, post, onInterval, onRefused, clock, random, log } = this.#options;
    const { signal } = this.#stopped;
    const body = JSON.stringify({ measurements, ...(this.#hasIntroduced ? {} : about) });
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const decision = decide(await post(body, signal), attempt, random);
      switch (decision.action) {
        case 'accepted':
          this.#hasIntroduced = true;
          this.totals.accepted += measurements.length;
          if (decision.intervalSeconds !== undefined) onInterval(decision.intervalSeconds);
          return;
        case 'retry': {
          if (signal.aborted) return;
          this.totals.retries += 1;
          const { reason, delayMs } = decision;
          log.warn(
            { reason, attempt, delayMs: Math.round(delayMs), waiting: this.#waiting.length },
            'sent again later',
          );
          await delay(delayMs, clock, signal);
          break;
        }
        case 'drop':
          this.totals.dropped += measurements.length;
          log.error({ reason: decision.reason, readings: measurements.length }, 'readings refused');
          return;
        case 'refused':
          this.totals.dropped += measurements.length;
          log.error({ reason: decision.reason }, 'gateway refused; it sends no more');
          this.#stopped.abort();
          onRefused();
          return;
      }
    }
  }
}
