import { type Clock, delay, Periodic } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import { backlogStreamOf, type Nats, nextMessageOf, outboxStreamOf, subjects } from '@gatecast/shared/nats';
import { firstUnsettled } from './settled-backlog.ts';
import { SettledRecords, type SettledRecordsOptions } from './settled-records.ts';
import type { UnreadableBatches } from './unreadable-batches.ts';

export interface PurgerOptions {
  nats: Nats;
  records: SettledRecordsOptions;
  /** Where unreadable messages of BACKLOG go. */
  unreadable: Pick<UnreadableBatches, 'setAside'>;
  intervalMs: number;
  /** Whether this process is the one that purges: the owner of partition 0. */
  isPurger: () => boolean;
  /** Called after each look. */
  onRun: (result: 'ok' | 'failed') => void;
  clock: Clock;
  log: Logger;
}

/** The encoder's record is this much younger than what it is compared with, ms: it is written each second at least. */
const ENCODER_RECORD_MS = 1_500;

/**
 * Keeps OUTBOX and BACKLOG as small as what is unsettled: whole-stream purges by sequence, since deleting messages one
 * by one is what makes queues slow. One process of a fleet does it for all, by what is recorded and nothing else.
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
        if (!options.isPurger()) return;
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
    const { nats, records: of, unreadable, clock, log } = this.#options;
    const outbox = outboxStreamOf(of.fleet, 0);
    const backlog = backlogStreamOf(of.fleet);
    // In this order: what is in the streams, what is settled, and then, later, what the encoder has recorded.
    const lastOutbox = (await nats.jsm.streams.info(outbox)).state.last_seq;
    const lastBacklog = (await nats.jsm.streams.info(backlog)).state.last_seq;
    const records = await SettledRecords.read(of);
    await delay(ENCODER_RECORD_MS, clock, signal);
    if (signal.aborted) return;
    let bound = lastOutbox + 1;
    for (let partition = 0; partition < of.partitions; partition += 1) {
      bound = Math.min(bound, await this.#neededFrom(outbox, partition, records, lastOutbox));
    }
    await this.#purge(outbox, bound);
    const options = { nats, fleet: of.fleet, records, unreadable, log };
    await this.#purge(backlog, await firstUnsettled(options, lastBacklog, signal));
  }

  /** First sequence that the partition may still need; beyond `last` when it needs nothing that was there. */
  async #neededFrom(stream: string, partition: number, records: SettledRecords, last: number): Promise<number> {
    const { nats, records: options } = this.#options;
    if (await records.isRecordedByEncoder(partition)) {
      const filter = subjects.outboxOfPartition(options.fleet, partition);
      const next = await nextMessageOf(nats, stream, filter, (records.of(partition)?.seq ?? 0) + 1);
      this.#needed.set(partition, next?.sequence ?? last + 1);
    }
    return this.#needed.get(partition) ?? 0;
  }

  async #purge(stream: string, before: number): Promise<void> {
    const { nats, log, isPurger } = this.#options;
    const { first_seq: first } = (await nats.jsm.streams.info(stream)).state;
    if (before <= first || !isPurger()) return;
    const { purged } = await nats.jsm.streams.purge(stream, { seq: before });
    log.debug({ stream, before, purged }, 'purged');
  }
}
