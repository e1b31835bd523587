import { isGatecastError } from '@gatecast/shared/errors';
import { type Clock, Periodic } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import { partitionOf } from '@gatecast/shared/model';
import type { Partitions } from './partitions.ts';
import type { GatewayDirectory, ReadingsPort } from './ports.ts';
import type { ReadingsPurge } from './readings-purge.ts';

export interface HousekeepingOptions {
  readonly partitions: Partitions;
  readonly readings: ReadingsPort;
  readonly gateways: Pick<GatewayDirectory, 'moved'>;
  /** How many there are, whoever owns them. */
  readonly partitionCount: number;
  readonly purge: ReadingsPurge;
  readonly intervalMs: number;
  /** Whether this process is the one that purges. */
  readonly isPurger: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What has to be done now and then: idle partitions moved on, lines ended, deleted gateways forgotten, READINGS purged. */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #periodic: Periodic;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    const { intervalMs, clock, log } = options;
    this.#periodic = new Periodic({
      intervalMs,
      clock,
      round: (signal) => this.#round(signal),
      onError(error) {
        if (!isGatecastError(error)) throw error;
        log.warn({ err: error }, 'housekeeping was interrupted; the next round goes on');
      },
    });
  }

  start(): void {
    this.#periodic.start();
  }

  stop(): Promise<void> {
    return this.#periodic.stop();
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { partitions, readings, gateways, partitionCount, purge, isPurger } = this.#options;
    for (const gateway of gateways.moved()) {
      partitions.get(partitionOf(gateway.gatewayId, partitionCount))?.endLeftLine(gateway);
    }
    for (const partition of partitions) {
      if (signal.aborted) return;
      const { lastSequence } = await readings.state(partition.partition);
      await partition.passIdle(lastSequence);
      await partition.forgetDeleted();
    }
    if (isPurger()) await purge.run();
  }
}
