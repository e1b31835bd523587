import { type Clock, delay } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import { type Nats, translateNatsError } from '@gatecast/shared/nats';
import type { IngestMetrics } from '../metrics/ingest-metrics.ts';

/** How full a stream is: 0 to 1; 0 when it has no limit. */
export type UsedRatio = (stream: string) => Promise<number>;

export interface StorageWatchOptions {
  streams: readonly string[];
  usedRatio: UsedRatio;
  /** Ratio from which on a stream counts as nearly full. */
  highWater: number;
  pollMs: number;
  metrics: IngestMetrics;
  clock: Clock;
  log: Logger;
}

/** @throws {GatecastError} of the read function that is returned: `NATS_UNAVAILABLE`, `OUTCOME_UNKNOWN` … */
export function usedRatioOf(nats: Nats): UsedRatio {
  return async (stream) => {
    try {
      const { state, config } = await nats.untilCut(nats.jsm.streams.info(stream));
      return config.max_bytes > 0 ? state.bytes / config.max_bytes : 0;
    } catch (error) {
      throw translateNatsError(error, `reading the size of stream ${stream}`);
    }
  };
}

/**
 * Looks now and then how full streams are, so that requests are refused before the server has to. What was seen last
 * stays true while it cannot look; the server refuses what does not fit in any case.
 */
export class StorageWatch {
  readonly #options: StorageWatchOptions;
  readonly #nearlyFull = new Set<string>();
  readonly #stopped = new AbortController();

  constructor(options: StorageWatchOptions) {
    this.#options = options;
  }

  /** Resolves after the first look. */
  async start(): Promise<void> {
    await this.#look();
    void this.#run();
  }

  isNearlyFull(stream: string): boolean {
    return this.#nearlyFull.has(stream);
  }

  /** Does not wait for a look that is under way: NATS may be away. */
  stop(): void {
    this.#stopped.abort();
  }

  async #run(): Promise<void> {
    const { clock, pollMs } = this.#options;
    for (;;) {
      await delay(pollMs, clock, this.#stopped.signal);
      if (this.#stopped.signal.aborted) return;
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { streams, usedRatio, metrics, log } = this.#options;
    for (const stream of streams) {
      try {
        const ratio = await usedRatio(stream);
        if (this.#stopped.signal.aborted) return;
        metrics.storageUsed.set({ stream }, ratio);
        this.#note(stream, ratio);
      } catch (error) {
        log.debug({ err: error, stream }, 'could not look how full the stream is');
      }
    }
  }

  #note(stream: string, ratio: number): void {
    const { highWater, log } = this.#options;
    const wasNearlyFull = this.#nearlyFull.has(stream);
    if (ratio >= highWater === wasNearlyFull) return;
    if (wasNearlyFull) {
      this.#nearlyFull.delete(stream);
      log.info({ stream, ratio }, 'the stream has room again');
    } else {
      this.#nearlyFull.add(stream);
      log.warn({ stream, ratio }, 'the stream is nearly full: readings are refused');
    }
  }
}
