import { delay } from '@gatecast/shared/lifecycle';
import type { GatewayCheckpoint, GatewayRecord, PublisherCheckpoint } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { Batch } from '../domain/batch.ts';
import { Arrival } from './arrival.ts';
import type { PartitionContext } from './context.ts';
import { FormerRecord } from './former-record.ts';
import type { PartitionDependencies } from './partition-dependencies.ts';
import type { BacklogTail } from './ports.ts';
import { StandIn } from './stand-in.ts';

const RECORD_CHECK_MS = 20;

export interface MovesOptions {
  readonly dependencies: PartitionDependencies;
  readonly context: PartitionContext;
  /** What the durable record says of a gateway. */
  readonly recorded: (gatewayId: string) => GatewayCheckpoint | undefined;
  /** Writes the record now; resolves when done, or when the lease is gone. */
  readonly flush: () => Promise<void>;
  readonly onArrived: (arrival: Arrival, checkpoint: GatewayCheckpoint, tail: BacklogTail | undefined) => void;
}

/** The gateways of a partition that are on their way between fleets: those that come, and those that were given away. */
export class Moves {
  readonly #options: MovesOptions;
  readonly #standIn: StandIn;
  readonly #arrivals = new Map<string, Arrival>();
  /** By fleet. */
  readonly #formerRecords = new Map<string, FormerRecord>();
  readonly #given = new Map<string, GatewayCheckpoint>();
  readonly #stopped = new AbortController();

  constructor(options: MovesOptions, record: PublisherCheckpoint) {
    this.#options = options;
    const { partition, log } = options.context;
    this.#standIn = new StandIn({ partition, leases: options.dependencies.vacantLeases, log });
    for (const [gatewayId, entry] of Object.entries(record.gateways)) {
      if (entry.m !== undefined) this.#given.set(gatewayId, entry);
    }
  }

  /** What the durable record is to say of these gateways. */
  *entries(): Iterable<[gatewayId: string, GatewayCheckpoint]> {
    yield* this.#given;
    for (const [gatewayId, { checkpoint }] of this.#arrivals) if (checkpoint) yield [gatewayId, checkpoint];
  }

  /** What is known of a gateway beyond the durable record. */
  entryOf(gatewayId: string): GatewayCheckpoint | undefined {
    return this.#arrivals.get(gatewayId)?.checkpoint ?? this.#given.get(gatewayId);
  }

  /** First sequence of OUTBOX that has to stay for gateways that come; undefined: none. */
  get firstHeld(): number | undefined {
    let first: number | undefined;
    for (const { firstHeld } of this.#arrivals.values()) {
      if (firstHeld !== undefined && (first === undefined || firstHeld < first)) first = firstHeld;
    }
    return first;
  }

  /** Whether `batch` belongs to a gateway that is on its way here. */
  isComing({ gatewayId, headers }: Batch): boolean {
    return this.#arrivals.get(gatewayId)?.isOf(headers) ?? false;
  }

  /** Leaves a batch of a gateway that comes in OUTBOX until it has arrived. */
  hold(batch: Batch): void {
    this.#arrivals.get(batch.gatewayId)?.note(batch);
  }

  /** A gateway comes from the fleet `from`. */
  expect(entry: Revisioned<GatewayRecord>, from: string): void {
    const { gatewayId } = entry.value;
    const { dependencies, context, onArrived } = this.#options;
    const former = dependencies.formerFleet(from);
    const formerRecord = this.#formerRecords.get(from) ?? new FormerRecord(former, context.partition);
    this.#formerRecords.set(from, formerRecord);
    const arrival: Arrival = new Arrival({
      ...{ entry, from, context, former, formerRecord },
      line: dependencies.line,
      standIn: this.#standIn,
      record: (checkpoint) => this.#record(gatewayId, checkpoint),
      onArrived: (checkpoint, tail) => {
        this.#arrivals.delete(gatewayId);
        this.#given.delete(gatewayId);
        dependencies.observer.moved('here');
        onArrived(arrival, checkpoint, tail);
        // Its place in OUTBOX is held no longer.
        context.requestRecord('soon');
      },
    });
    this.#arrivals.set(gatewayId, arrival);
    context.log.info({ gatewayId, from }, 'gateway is coming from another fleet');
    void arrival.run();
  }

  /** Takes note of a changed registration. Returns whether it is that of a gateway which is on its way here. */
  update(entry: Revisioned<GatewayRecord>, moves: number): boolean {
    const arrival = this.#arrivals.get(entry.value.gatewayId);
    if (!arrival?.isOf({ incarnation: entry.value.incarnation, moves })) return false;
    arrival.entry = entry;
    return true;
  }

  /** Drops what the present registration has made meaningless; `undefined`: it is deleted. */
  forget(gatewayId: string, gateway: GatewayRecord | undefined): void {
    const arrival = this.#arrivals.get(gatewayId);
    if (arrival) {
      arrival.stop();
      this.#arrivals.delete(gatewayId);
    }
    const given = this.#given.get(gatewayId);
    if (!given) return;
    // Its next move could begin only when this one was complete.
    const isOver = given.i !== gateway?.incarnation || (gateway.moves ?? 0) > (given.g ?? 0) + 1;
    if (!isOver) return;
    this.#given.delete(gatewayId);
    this.#options.context.requestRecord('soon');
  }

  /** What is not settled of a gateway is in the waiting room: it is the fleet's no longer. */
  giveAway(gatewayId: string, checkpoint: GatewayCheckpoint, to: string): void {
    this.#given.set(gatewayId, { ...checkpoint, m: to });
    this.#options.context.requestRecord('now');
  }

  stop(): void {
    this.#stopped.abort();
    for (const arrival of this.#arrivals.values()) arrival.stop();
  }

  async #record(gatewayId: string, checkpoint: GatewayCheckpoint): Promise<void> {
    const { context, recorded, flush } = this.#options;
    const isRecorded = () => {
      const entry = recorded(gatewayId);
      return entry?.i === checkpoint.i && entry.g === checkpoint.g && entry.m === undefined;
    };
    while (!isRecorded() && context.lease().isValid() && !this.#stopped.signal.aborted) {
      await flush();
      if (!isRecorded()) await delay(RECORD_CHECK_MS, context.clock, this.#stopped.signal);
    }
  }
}
