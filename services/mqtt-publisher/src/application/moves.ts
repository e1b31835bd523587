import { delay } from '@gatecast/shared/lifecycle';
import type { GatewayCheckpoint, GatewayRecord, PublisherCheckpoint } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { Batch } from '../domain/batch.ts';
import { Arrival } from './arrival.ts';
import type { PartitionContext } from './context.ts';
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
  readonly onArrived: (
    entry: Revisioned<GatewayRecord>,
    checkpoint: GatewayCheckpoint,
    tail: BacklogTail | undefined,
    end: Batch | undefined,
  ) => void;
}

/** The gateways of a partition that are on their way between fleets: those that come, and those that were given away. */
export class Moves {
  readonly #options: MovesOptions;
  readonly #standIn: StandIn;
  readonly #arrivals = new Map<string, Arrival>();
  readonly #given = new Map<string, GatewayCheckpoint>();
  /** From which BACKLOG sequence on the new owner of a gateway that was given away may still have to read. */
  readonly #rooms = new Map<string, number>();
  readonly #stopped = new AbortController();

  constructor(options: MovesOptions, record: PublisherCheckpoint) {
    this.#options = options;
    const { leases, leaseTtlMs: ttlMs, nonce, clock, log } = options.dependencies;
    const { partition, lease } = options.context;
    this.#standIn = new StandIn({ partition, instance: lease().instance, nonce, leases, ttlMs, clock, log });
    for (const [gatewayId, entry] of Object.entries(record.gateways)) {
      if (entry.m === undefined) continue;
      this.#given.set(gatewayId, entry);
      if ((entry.h ?? 0) > entry.s) this.#rooms.set(gatewayId, 0);
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

  /** Lowest sequence of BACKLOG that gateways on their way may need, either way; undefined: none does. */
  get backlogFloor(): number | undefined {
    // What a gateway brings along is there before anything says that it is this fleet's.
    if (this.#arrivals.size > 0) return 0;
    return this.#rooms.size === 0 ? undefined : Math.min(...this.#rooms.values());
  }

  /** Notices which of these waiting rooms the new owners have emptied. @throws {GatecastError} */
  async lookAfterRooms(): Promise<void> {
    for (const gatewayId of this.#rooms.keys()) {
      if (!(await this.#options.dependencies.backlog.tail(gatewayId))) this.#rooms.delete(gatewayId);
    }
  }

  /** Whether `batch` belongs to a gateway that is on its way here. */
  isComing({ gatewayId, headers }: Batch): boolean {
    return this.#arrivals.get(gatewayId)?.isOf(headers) ?? false;
  }

  /** Leaves a batch of a gateway that comes in OUTBOX until it has arrived. */
  hold(batch: Batch): void {
    const arrival = this.#arrivals.get(batch.gatewayId);
    if (!arrival) return;
    if (batch.headers.movedTo === undefined) arrival.note(batch);
    else arrival.end = batch;
  }

  /** A gateway comes from the fleet `from`. */
  expect(entry: Revisioned<GatewayRecord>, from: string): void {
    const { gatewayId } = entry.value;
    const { dependencies, context, onArrived } = this.#options;
    const arrival: Arrival = new Arrival({
      ...{ entry, from, context },
      former: dependencies.formerFleet(from),
      line: dependencies.line,
      standIn: this.#standIn,
      record: (checkpoint) => this.#record(gatewayId, checkpoint),
      onArrived: (checkpoint, tail) => {
        this.#arrivals.delete(gatewayId);
        this.#given.delete(gatewayId);
        dependencies.observer.moved('here');
        onArrived(arrival.entry, checkpoint, tail, arrival.end);
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
    this.#rooms.delete(gatewayId);
    this.#options.context.requestRecord('soon');
  }

  /** What is not settled of a gateway is in the waiting room, from `floor` on: it is the fleet's no longer. */
  giveAway(gatewayId: string, checkpoint: GatewayCheckpoint, to: string, floor: number | undefined): void {
    this.#given.set(gatewayId, { ...checkpoint, m: to });
    if (floor !== undefined) this.#rooms.set(gatewayId, floor);
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
