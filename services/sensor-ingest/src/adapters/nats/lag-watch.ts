import { Periodic, type PeriodicOptions } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { EncoderCheckpoint } from '@gatecast/shared/model';
import { ALL_FLEETS, type KeyValueStore, keys } from '@gatecast/shared/nats';
import type { LineLag } from '../../domain/line-lag.ts';
import type { IngestMetrics } from '../metrics/ingest-metrics.ts';

export interface LagWatchOptions {
  lag: LineLag;
  checkpoints: Pick<KeyValueStore<EncoderCheckpoint>, 'get'>;
  pollMs: number;
  metrics: IngestMetrics;
  clock: PeriodicOptions['clock'];
  log: Logger;
}

/**
 * Looks now and then how far the encoder is, in the records of those partitions that something waits in. Not a watch:
 * the encoder writes each record about once a second, and parsing them all would cost more than it tells.
 */
export class LagWatch {
  readonly #options: LagWatchOptions;
  readonly #periodic: Periodic;

  constructor(options: LagWatchOptions) {
    this.#options = options;
    const { pollMs: intervalMs, clock, log } = options;
    this.#periodic = new Periodic({
      intervalMs,
      clock,
      round: (signal) => this.#look(signal),
      onError: (error) => log.debug({ err: error }, 'could not look how far the encoder is'),
    });
  }

  start(): void {
    this.#periodic.start();
  }

  /** Does not wait for a look that is under way: NATS may be away. */
  stop(): void {
    void this.#periodic.stop();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { lag, checkpoints, metrics, log } = this.#options;
    for (const partition of lag.waitingPartitions()) {
      const record = await checkpoints.get(keys.checkpoint('encoder', ALL_FLEETS, partition));
      if (signal.aborted) return;
      lag.recorded(partition, record?.value);
    }
    for (const { fleet, isBehind } of lag.judgeLines()) {
      if (isBehind) log.warn({ fleet }, 'the line of the fleet is behind: its readings are refused');
      else log.info({ fleet }, 'the line of the fleet has caught up');
    }
    const { gatewaysBehind } = lag;
    metrics.gatewaysBehind.set(gatewaysBehind);
    metrics.unencodedAge.set(lag.oldestAgeMs / 1000);
  }
}
