import { type Clock, delay, Periodic } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { EncoderCheckpoint, PublisherCheckpoint } from '@gatecast/shared/model';
import {
  ALL_FLEETS,
  backlogStreamOf,
  type KeyValueStore,
  keys,
  type Nats,
  nextMessageOf,
  outboxStreamOf,
  subjects,
} from '@gatecast/shared/nats';
import type { Partition } from '../../application/partition.ts';

export interface PurgerOptions {
  nats: Nats;
  fleet: string;
  partitions: number;
  intervalMs: number;
  encoderCheckpoints: KeyValueStore<EncoderCheckpoint>;
  /** The partitions that are served now. */
  owned: () => Partition[];
  /** Called after each look. */
  onRun: (result: 'ok' | 'failed') => void;
  clock: Clock;
  log: Logger;
}

/** The encoder's record is this much younger than what it is compared with, ms: it is written every 250. */
const ENCODER_RECORD_MS = 1_000;

/**
 * Keeps OUTBOX and BACKLOG as small as what is unsettled: whole-stream purges by sequence, since deleting messages one
 * by one is what makes queues slow. Works only while this process owns every partition of the fleet.
 */
export class Purger {
  readonly #options: PurgerOptions;
  readonly #periodic: Periodic;
  /** First OUTBOX sequence that a partition was found to need, by partition. */
  readonly #needed = new Map<number, number>();

  constructor(options: PurgerOptions) {
    this.#options = options;
    const { intervalMs, clock, onRun, log } = options;
    this.#periodic = new Periodic({
      intervalMs,
      clock,
      round: async (signal) => {
        await this.#purgeAll(signal);
        onRun('ok');
      },
      onError(error) {
        onRun('failed');
        log.warn({ err: error }, 'could not purge the streams');
      },
    });
  }

  start(): void {
    this.#periodic.start();
  }

  stop(): Promise<void> {
    return this.#periodic.stop();
  }

  async #purgeAll(signal: AbortSignal): Promise<void> {
    const { nats, fleet, partitions, owned } = this.#options;
    const served = owned();
    if (served.length < partitions) return;
    await this.#purgeOutbox(served, outboxStreamOf(fleet, 0), signal);
    const backlog = backlogStreamOf(fleet);
    const { last_seq: last } = (await nats.jsm.streams.info(backlog)).state;
    for (const partition of served) await partition.lookAfterRooms();
    const floors = served.map((partition) => partition.backlogFloor).filter((floor) => floor !== undefined);
    await this.#purge(backlog, Math.min(last + 1, ...floors));
  }

  async #purgeOutbox(served: Partition[], stream: string, signal: AbortSignal): Promise<void> {
    const { nats, clock } = this.#options;
    // In this order: what is in the stream, what is settled, and then, later, what the encoder has recorded.
    const { last_seq: last } = (await nats.jsm.streams.info(stream)).state;
    const settled = served.map((partition) => ({
      number: partition.number,
      recorded: partition.recorded,
      idle: partition.isIdle,
    }));
    await delay(ENCODER_RECORD_MS, clock, signal);
    if (signal.aborted) return;
    let bound = last + 1;
    for (const { number, recorded, idle } of settled) {
      if (recorded && (await this.#encoderHasRecorded(number, recorded))) {
        this.#needed.set(number, await this.#firstPending(stream, number, recorded.seq, idle, last));
      }
      bound = Math.min(bound, this.#needed.get(number) ?? 0);
    }
    await this.#purge(stream, bound);
  }

  /** First sequence that the partition may still need; beyond `last` when it needs nothing that was there. */
  async #firstPending(stream: string, partition: number, seq: number, idle: boolean, last: number): Promise<number> {
    if (!idle) return seq + 1;
    const { nats, fleet } = this.#options;
    const next = await nextMessageOf(nats, stream, subjects.outboxOfPartition(fleet, partition), seq + 1);
    return next?.sequence ?? last + 1;
  }

  /** Otherwise a crash of the encoder would encode what is settled again. */
  async #encoderHasRecorded(partition: number, settled: PublisherCheckpoint): Promise<boolean> {
    const record = await this.#options.encoderCheckpoints.get(keys.checkpoint('encoder', ALL_FLEETS, partition));
    return Object.entries(settled.gateways).every(([gatewayId, { i, s, h, g = 0, m }]) => {
      const encoded = record?.value.gateways[gatewayId];
      // The end of a line tells the next encoder that it ended, until it is recorded.
      const line = m === undefined ? g : g + 1;
      return encoded?.i === i && encoded.c >= Math.max(s, h ?? 0) && (encoded.g ?? 0) >= line;
    });
  }

  async #purge(stream: string, before: number): Promise<void> {
    const { nats, log } = this.#options;
    const { first_seq: first } = (await nats.jsm.streams.info(stream)).state;
    if (before <= first) return;
    const { purged } = await nats.jsm.streams.purge(stream, { seq: before });
    log.debug({ stream, before, purged }, 'purged');
  }
}
