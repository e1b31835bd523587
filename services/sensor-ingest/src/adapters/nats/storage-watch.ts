import { type Clock, delay } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import { type Nats, translateNatsError } from '@gatecast/shared/nats';
import { FillEstimate, type StreamSize } from '../../domain/fill-estimate.ts';
import type { IngestMetrics } from '../metrics/ingest-metrics.ts';

export type ReadSize = (stream: string) => Promise<StreamSize>;

export interface StorageWatchOptions {
  streams: readonly string[];
  readSize: ReadSize;
  /** Ratio from which on a stream counts as nearly full. */
  highWater: number;
  pollMs: number;
  metrics: IngestMetrics;
  clock: Clock;
  log: Logger;
}

/** @throws {GatecastError} of the read function that is returned: `NATS_UNAVAILABLE`, `OUTCOME_UNKNOWN` … */
export function sizeReader(nats: Nats): ReadSize {
  return async (stream) => {
    try {
      const { state, config } = await nats.untilCut(nats.jsm.streams.info(stream));
      return { bytes: state.bytes, maxBytes: Math.max(0, config.max_bytes), lastSequence: state.last_seq };
    } catch (error) {
      throw translateNatsError(error, `reading the size of stream ${stream}`);
    }
  };
}

/**
 * Looks now and then how full streams are, and counts what goes into them meanwhile, so that requests are refused before
 * the server has to. What was seen last stays true while it cannot look; the server refuses what does not fit in any
 * case.
 */
export class StorageWatch {
  readonly #options: StorageWatchOptions;
  readonly #fill: ReadonlyMap<string, FillEstimate>;
  readonly #nearlyFull = new Set<string>();
  readonly #stopped = new AbortController();

  constructor(options: StorageWatchOptions) {
    this.#options = options;
    this.#fill = new Map(options.streams.map((stream) => [stream, new FillEstimate()]));
  }

  /** Resolves after the first look. */
  async start(): Promise<void> {
    await this.#look();
    void this.#run();
  }

  isNearlyFull(stream: string): boolean {
    this.#note(stream);
    return this.#nearlyFull.has(stream);
  }

  /** What is to be told of everything that is put into a stream. */
  fillOf(stream: string): FillEstimate | undefined {
    return this.#fill.get(stream);
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
    const { readSize, metrics, log } = this.#options;
    for (const [stream, fill] of this.#fill) {
      try {
        const size = await readSize(stream);
        if (this.#stopped.signal.aborted) return;
        fill.seen(size);
        metrics.storageUsed.set({ stream }, size.maxBytes > 0 ? size.bytes / size.maxBytes : 0);
        this.#note(stream);
      } catch (error) {
        log.debug({ err: error, stream }, 'could not look how full the stream is');
      }
    }
  }

  #note(stream: string): void {
    const { highWater, log } = this.#options;
    const ratio = this.#fill.get(stream)?.ratio ?? 0;
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
