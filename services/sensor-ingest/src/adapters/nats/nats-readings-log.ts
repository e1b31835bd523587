import { isGatecastError } from '@gatecast/shared/errors';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import { partitionOf } from '@gatecast/shared/model';
import { type Nats, publishToStream, readingsHeaders, readingsStreamOf, subjects } from '@gatecast/shared/nats';
import { injectTrace } from '@gatecast/shared/telemetry';
import type { Appended, ReadingsBatch, ReadingsLog } from '../../domain/readings-log.ts';
import type { IngestMetrics } from '../metrics/ingest-metrics.ts';
import { traceSend } from './send-span.ts';
import type { StorageWatch } from './storage-watch.ts';

export interface NatsReadingsLogOptions {
  nats: Nats;
  partitions: number;
  storage: StorageWatch;
  metrics: IngestMetrics;
  clock: Clock;
  log: Logger;
}

/** What a stored message takes at least beside its body, for subject, headers and the record around them. */
const STORED_OVERHEAD_BYTES = 128;

/** The stream READINGS. */
export class NatsReadingsLog implements ReadingsLog {
  readonly #options: NatsReadingsLogOptions;
  #refusing: string | undefined;

  constructor(options: NatsReadingsLogOptions) {
    this.#options = options;
  }

  isConnected(): boolean {
    return this.#options.nats.isConnected();
  }

  hasRoom(gatewayId: string): boolean {
    const { storage, partitions } = this.#options;
    return !storage.isNearlyFull(readingsStreamOf(partitionOf(gatewayId, partitions)));
  }

  async append({ gatewayId, incarnation, contentId, body }: ReadingsBatch): Promise<Appended> {
    const { nats, partitions, storage, metrics, clock } = this.#options;
    const partition = partitionOf(gatewayId, partitions);
    const subject = subjects.readings(partition, gatewayId);
    const fill = storage.fillOf(readingsStreamOf(partition));
    const bytes = body.byteLength + STORED_OVERHEAD_BYTES;
    fill?.sending(bytes);
    const began = clock.monotonic();
    try {
      const { sequence, duplicate } = await traceSend({ subject, contentId, bytes: body.byteLength }, () => {
        const headers = readingsHeaders(incarnation, contentId);
        injectTrace(headers);
        return publishToStream(nats, subject, body, { headers });
      });
      if (duplicate) fill?.notStored(bytes);
      else fill?.stored(bytes, sequence);
      this.#note(undefined);
      return { sequence, duplicate };
    } catch (error) {
      if (isGatecastError(error, 'OUTCOME_UNKNOWN')) fill?.stored(bytes, undefined);
      else fill?.notStored(bytes);
      this.#note(error);
      throw error;
    } finally {
      metrics.publishSeconds.observe((clock.monotonic() - began) / 1000);
    }
  }

  /** Logs when storing begins to fail, for another reason, or works again: not each of thousands of requests. */
  #note(error: unknown): void {
    const reason = error === undefined ? undefined : isGatecastError(error) ? error.code : 'unexpected';
    if (reason === this.#refusing) return;
    this.#refusing = reason;
    if (reason === undefined) this.#options.log.info('readings are stored again');
    else this.#options.log.warn({ err: error, code: reason }, 'readings cannot be stored');
  }
}
