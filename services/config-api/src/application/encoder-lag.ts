import { type Clock, delay } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { ReadingsLine } from './ports.ts';

export interface EncoderLagOptions {
  line: ReadingsLine;
  partitions: number;
  /** Every reading of the partition up to this sequence is encoded. */
  encodedUpTo: (partition: number) => number;
  /** Time between two looks, ms. */
  intervalMs: number;
  clock: Clock;
  log: Logger;
}

interface Waiting {
  sequence: number;
  time: number;
}

/**
 * Knows, per partition, since when readings wait to be encoded. It looks at the line every few seconds, and never at
 * what it knows to be encoded or empty already: an idle line costs one request a look.
 */
export class EncoderLag {
  readonly #options: EncoderLagOptions;
  readonly #waiting = new Map<number, Waiting>();
  /** Nothing of the partition is in the line up to this sequence but what is encoded. */
  readonly #clearUpTo: number[];
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: EncoderLagOptions) {
    this.#options = options;
    this.#clearUpTo = Array.from({ length: options.partitions }, () => 0);
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** When the oldest reading that is not encoded was accepted, ms since the epoch; undefined when none waits. */
  oldestUnencodedAt(partition: number): number | undefined {
    const waiting = this.#waiting.get(partition);
    if (!waiting || waiting.sequence <= this.#options.encodedUpTo(partition)) return undefined;
    return waiting.time;
  }

  /** Age of the oldest reading that waits, of any partition, ms; 0 when none does. */
  oldestAgeMs(): number {
    const { partitions, clock } = this.#options;
    const now = clock.now();
    let oldest = now;
    for (let partition = 0; partition < partitions; partition += 1) {
      oldest = Math.min(oldest, this.oldestUnencodedAt(partition) ?? now);
    }
    return now - oldest;
  }

  /** One look at every partition. */
  async look(): Promise<void> {
    const { line, partitions, encodedUpTo } = this.#options;
    const last = await line.lastSequence();
    for (let partition = 0; partition < partitions && !this.#stopped.signal.aborted; partition += 1) {
      const encoded = encodedUpTo(partition);
      if ((this.#waiting.get(partition)?.sequence ?? 0) > encoded) continue;
      const from = Math.max(encoded, this.#clearUpTo[partition] ?? 0);
      const first = from < last ? await line.firstAfter(partition, from) : undefined;
      if (first) {
        this.#waiting.set(partition, first);
      } else {
        this.#waiting.delete(partition);
        // A line that was removed and created again counts from one.
        this.#clearUpTo[partition] = last;
      }
    }
  }

  async #run(): Promise<void> {
    const { intervalMs, clock, log } = this.#options;
    while (!this.#stopped.signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        log.debug({ err: error }, 'could not look at the line of readings');
      }
      await delay(intervalMs, clock, this.#stopped.signal);
    }
  }
}
