import { isGatecastError } from '@gatecast/shared/errors';
import { type Clock, delay, Periodic } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { Partition } from '../../application/partition.ts';
import type { BacklogStore } from '../../application/ports.ts';

export interface DrainedRoomsOptions {
  backlog: Pick<BacklogStore, 'forget'>;
  /** The partitions that are served now. */
  owned: () => Partition[];
  clock: Clock;
  log: Logger;
}

/** A purge by subject takes the stream's lock for some 30 ms. */
const BETWEEN_PURGES_MS = 1_000;
/** Where there was none to empty. */
const LOOK_AGAIN_MS = 5_000;

/**
 * Empties the waiting rooms of gateways that have caught up, one a second: one gateway that is away for days, at the
 * head of the stream, must not keep everybody's old messages there. The room with the fleet's newest batch keeps that.
 */
export class DrainedRooms {
  readonly #options: DrainedRoomsOptions;
  readonly #periodic: Periodic;

  constructor(options: DrainedRoomsOptions) {
    this.#options = options;
    this.#periodic = new Periodic({
      intervalMs: LOOK_AGAIN_MS,
      clock: options.clock,
      round: (signal) => this.#emptyAll(signal),
      onError(error) {
        if (!isGatecastError(error)) throw error;
        options.log.warn({ err: error }, 'could not empty a waiting room');
      },
    });
  }

  start(): void {
    this.#periodic.start();
  }

  stop(): Promise<void> {
    return this.#periodic.stop();
  }

  async #emptyAll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.#emptyOne())) await delay(BETWEEN_PURGES_MS, this.#options.clock, signal);
  }

  /** Returns whether there was one. */
  async #emptyOne(): Promise<boolean> {
    const { backlog, owned, log } = this.#options;
    for (const partition of owned()) {
      for (const { line } of partition.gateways()) {
        const sequence = line.drainedUpTo;
        if (sequence === undefined || !(await backlog.forget(line.gatewayId, sequence))) continue;
        line.emptied(sequence);
        log.debug({ gatewayId: line.gatewayId, sequence }, 'waiting room emptied');
        return true;
      }
    }
    return false;
  }
}
