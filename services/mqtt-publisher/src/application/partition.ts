import { isGatecastError } from '@gatecast/shared/errors';
import { delay } from '@gatecast/shared/lifecycle';
import type { GatewayCheckpoint, GatewayRecord, PublisherCheckpoint } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { Lease } from '@gatecast/shared/ownership';
import type { Batch } from '../domain/batch.ts';
import { Outstanding } from '../domain/outstanding.ts';
import { isSameLine, type LineName, type Place, placeOf } from '../domain/place.ts';
import { CheckpointWriter, type CheckpointWriterOptions } from './checkpoint-writer.ts';
import type { PartitionContext } from './context.ts';
import { Gateway } from './gateway.ts';
import { Moves } from './moves.ts';
import type { PartitionDependencies } from './partition-dependencies.ts';
import type { BacklogTail } from './ports.ts';

const RETRY_MS = 250;

/** The gateways of one partition, served under one lease. */
export class Partition {
  readonly number: number;
  readonly #dependencies: PartitionDependencies;
  readonly #stopped = new AbortController();
  readonly #gateways = new Map<string, Gateway>();
  /** Lines that are known to be nobody's here any more: their messages are dropped without asking again. */
  readonly #goneLines = new Set<string>();
  /** Gateways whose line has its end. */
  readonly #leaving = new WeakSet<Gateway>();
  #moves: Moves | undefined;
  #writer: CheckpointWriter | undefined;
  #context: PartitionContext | undefined;
  #outstanding = new Outstanding(0);
  #recorded: PublisherCheckpoint | undefined;
  #isLoaded = false;
  #capacity: (() => void) | undefined;
  #reading: Promise<void> = Promise.resolve();
  #onSuperseded: () => void;

  constructor(number: number, dependencies: PartitionDependencies, onSuperseded: () => void) {
    this.number = number;
    this.#dependencies = dependencies;
    this.#onSuperseded = onSuperseded;
  }

  /** What the durable record said last. */
  get recorded(): PublisherCheckpoint | undefined {
    return this.#recorded;
  }

  /** Whether every message read is durably settled. */
  get isIdle(): boolean {
    return this.#outstanding.size === 0 && this.#moves?.firstHeld === undefined;
  }

  gateways(): IterableIterator<Gateway> {
    return this.#gateways.values();
  }

  /** Lowest BACKLOG sequence that any gateway of the partition still needs; undefined: none does. */
  get backlogFloor(): number | undefined {
    let floor = this.#moves?.backlogFloor;
    for (const gateway of this.#gateways.values()) {
      const own = gateway.line.backlogFloor;
      if (own !== undefined && (floor === undefined || own < floor)) floor = own;
    }
    return floor;
  }

  /** Notices which waiting rooms are needed no longer. @throws {GatecastError} */
  async lookAfterRooms(): Promise<void> {
    await this.#moves?.lookAfterRooms();
  }

  /** Takeover: claims the record, then reads on from it. Returns false when the partition turned out not to be ours. */
  async start(lease: Lease): Promise<boolean> {
    const claimed = await CheckpointWriter.claim(this.#writerOptions(), lease);
    if (!claimed || this.#stopped.signal.aborted) return false;
    const { writer, checkpoint } = claimed;
    this.#writer = writer;
    this.#recorded = checkpoint;
    this.#outstanding = new Outstanding(checkpoint.seq);
    this.#context = this.#createContext(writer);
    this.#moves = this.#createMoves(writer, this.#context, checkpoint);
    const waiting = await this.#backlogTails();
    this.#isLoaded = true;
    for (const entry of this.#dependencies.directory.ofPartition(this.number)) {
      this.#enter(entry, waiting.get(entry.value.gatewayId));
    }
    this.#reading = this.#read();
    return true;
  }

  /** The lease had expired and is ours again under a higher epoch. False: somebody else acted meanwhile. */
  async reacquired(lease: Lease): Promise<boolean> {
    if (!this.#writer || !(await this.#writer.reclaim(lease))) return false;
    this.resume();
    return true;
  }

  /** The lease is valid again. */
  resume(): void {
    for (const gateway of this.#gateways.values()) gateway.resume();
    this.#writer?.request('now');
  }

  /** A gateway of this partition was created, changed or deleted. */
  gatewayChanged(gatewayId: string, entry: Revisioned<GatewayRecord> | undefined): void {
    // Until the waiting rooms are known the directory is not looked at: its state of then is what counts.
    if (!this.#isLoaded) return;
    const gateway = this.#gateways.get(gatewayId);
    const place = entry && this.#placeOf(entry.value);
    if (entry && place && place.kind !== 'elsewhere') {
      const line = { incarnation: entry.value.incarnation, moves: place.moves };
      if (gateway?.isOf(line)) {
        gateway.update(entry);
        return;
      }
      if (this.#moves?.update(entry, place.moves)) return;
    }
    this.#moves?.forget(gatewayId, entry?.value);
    if (gateway) this.#retire(gatewayId, gateway);
    if (entry) this.#enter(entry, undefined);
  }

  /** Planned handover. */
  async release(): Promise<void> {
    this.#stopped.abort();
    this.#capacity?.();
    this.#moves?.stop();
    await this.#reading;
    await Promise.all([...this.#gateways.values()].map((gateway) => gateway.stop()));
    await this.#writer?.flush();
    this.#writer?.stop();
  }

  /** Another process owns the partition. */
  abort(): void {
    this.#stopped.abort();
    this.#capacity?.();
    this.#moves?.stop();
    this.#writer?.stop();
    for (const gateway of this.#gateways.values()) gateway.abort();
    this.#gateways.clear();
  }

  #createContext(writer: CheckpointWriter): PartitionContext {
    const { fleet, backlog, deadLetters, connector, limits, observer, clock, random, log } = this.#dependencies;
    return {
      fleet,
      partition: this.number,
      lease: () => writer.lease,
      outstanding: this.#outstanding,
      requestRecord: (urgency) => writer.request(urgency),
      backlog,
      deadLetters,
      connector,
      limits,
      observer,
      clock,
      random,
      log: log.child({ partition: this.number }),
    };
  }

  #createMoves(writer: CheckpointWriter, context: PartitionContext, record: PublisherCheckpoint): Moves {
    const options = {
      ...{ dependencies: this.#dependencies, context },
      recorded: (gatewayId: string) => this.#recorded?.gateways[gatewayId],
      flush: () => writer.flush(),
      onArrived: (
        entry: Revisioned<GatewayRecord>,
        checkpoint: GatewayCheckpoint,
        tail: BacklogTail | undefined,
        end: Batch | undefined,
      ) => {
        this.#add(entry, checkpoint, tail);
        const gateway = this.#gateways.get(entry.value.gatewayId);
        if (gateway && end) void this.#giveAway(gateway, end);
      },
    };
    return new Moves(options, record);
  }

  #writerOptions(): CheckpointWriterOptions {
    const { checkpoints, limits, clock, log } = this.#dependencies;
    return {
      partition: this.number,
      store: checkpoints,
      intervalMs: limits.recordIntervalMs,
      clock,
      log,
      build: () => this.#buildCheckpoint(),
      onRecorded: (checkpoint) => this.#onRecorded(checkpoint),
      onSuperseded: () => this.#onSuperseded(),
    };
  }

  #buildCheckpoint(): PublisherCheckpoint {
    const gateways: PublisherCheckpoint['gateways'] = Object.fromEntries(this.#moves?.entries() ?? []);
    for (const [gatewayId, { line }] of this.#gateways) {
      if (line.lane.settled > 0 || line.handled > 0 || line.moves > 0) gateways[gatewayId] = line.checkpoint();
    }
    const settled = this.#outstanding.position((batch) => this.#isSettled(batch));
    const seq = Math.min(settled, (this.#moves?.firstHeld ?? Number.POSITIVE_INFINITY) - 1);
    return { epoch: this.#writer?.lease.epoch ?? 0, seq, gateways };
  }

  #isSettled(batch: Batch): boolean {
    const gateway = this.#ownerOf(batch);
    // The end of a line stands until its gateway is given away: a later owner has to meet it again.
    if (gateway) return batch.headers.movedTo === undefined && gateway.line.isSettled(batch);
    return !this.#moves?.isComing(batch);
  }

  #ownerOf({ gatewayId, headers }: Batch): Gateway | undefined {
    const gateway = this.#gateways.get(gatewayId);
    return gateway?.isOf(headers) ? gateway : undefined;
  }

  #placeOf(gateway: GatewayRecord): Place {
    const { gatewayId } = gateway;
    const entry = this.#moves?.entryOf(gatewayId) ?? this.#recorded?.gateways[gatewayId];
    return placeOf(gateway, this.#dependencies.fleet, entry);
  }

  #onRecorded(checkpoint: PublisherCheckpoint): void {
    this.#recorded = checkpoint;
    this.#dependencies.observer.recordWritten();
    for (const batch of [...this.#outstanding.batches()]) {
      const recorded = checkpoint.gateways[batch.gatewayId];
      const isRecorded = recorded !== undefined && isOfEntry(batch, recorded) && recorded.s >= batch.last;
      const isNeeded = this.#ownerOf(batch) ? !this.#isSettled(batch) || !isRecorded : this.#moves?.isComing(batch);
      if (!isNeeded || batch.inBacklog) this.#outstanding.remove(batch);
    }
    this.#capacity?.();
    for (const [gatewayId, gateway] of this.#gateways) {
      const own = checkpoint.gateways[gatewayId];
      if (own) gateway.recorded(own);
    }
  }

  /** Ends of the waiting rooms that are not empty. */
  async #backlogTails(): Promise<Map<string, BacklogTail>> {
    const { backlog, directory, clock, log } = this.#dependencies;
    const tails = new Map<string, BacklogTail>();
    while (!this.#stopped.signal.aborted) {
      try {
        const waiting = await backlog.gateways();
        for (const { value } of directory.ofPartition(this.number)) {
          const tail = waiting.has(value.gatewayId) ? await backlog.tail(value.gatewayId) : undefined;
          if (tail) tails.set(value.gatewayId, tail);
        }
        return tails;
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        log.warn({ err: error, partition: this.number }, 'could not look into the waiting rooms');
        await delay(RETRY_MS, clock, this.#stopped.signal);
      }
    }
    return tails;
  }

  /** Takes up a gateway that is not known yet. */
  #enter(entry: Revisioned<GatewayRecord>, tail: BacklogTail | undefined): void {
    if (this.#stopped.signal.aborted) return;
    const place = this.#placeOf(entry.value);
    if (place.kind === 'here') this.#add(entry, this.#recorded?.gateways[entry.value.gatewayId], tail);
    else if (place.kind === 'coming') this.#moves?.expect(entry, place.from);
  }

  #add(
    entry: Revisioned<GatewayRecord>,
    checkpoint: GatewayCheckpoint | undefined,
    tail: BacklogTail | undefined,
  ): void {
    if (!this.#context || this.#stopped.signal.aborted) return;
    const { gatewayId } = entry.value;
    const gateway: Gateway = new Gateway(entry, checkpoint, tail, this.#context, (record, transition) => {
      // What a retired registration still has to say is about nobody.
      if (this.#gateways.get(gatewayId) === gateway) this.#dependencies.status.publish(record, transition);
    });
    this.#gateways.set(gatewayId, gateway);
    gateway.start();
  }

  #retire(gatewayId: string, gateway: Gateway): void {
    const { log, status, observer } = this.#dependencies;
    this.#gateways.delete(gatewayId);
    this.#goneLines.add(nameOf(gateway.line));
    status.forget(gatewayId);
    for (const batch of [...this.#outstanding.of(gatewayId)]) {
      if (!gateway.isOf(batch.headers)) continue;
      observer.dropped('former_incarnation', batch.messages.length);
      this.#outstanding.remove(batch);
    }
    gateway.retire().catch((error) => log.error({ err: error, gatewayId }, 'could not retire the gateway'));
  }

  async #read(): Promise<void> {
    const { outbox, limits, log, clock } = this.#dependencies;
    const { signal } = this.#stopped;
    const lease = () => this.#context?.lease();
    while (!signal.aborted) {
      try {
        const epoch = lease()?.epoch ?? 0;
        for await (const item of outbox.read(this.number, epoch, this.#outstanding.readUpTo + 1, signal)) {
          if (item.kind === 'unreadable') this.#outstanding.skip(item.sequence);
          else await this.#route(item.batch);
          if (this.#outstanding.size >= limits.partitionMaxBatches) await this.#roomInMemory();
        }
      } catch (error) {
        log.warn({ err: error, partition: this.number }, 'reading the outbox failed');
        await delay(RETRY_MS, clock, signal);
      }
    }
  }

  async #roomInMemory(): Promise<void> {
    this.#writer?.request('now');
    const { limits } = this.#dependencies;
    while (this.#outstanding.size >= limits.partitionMaxBatches && !this.#stopped.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#capacity = resolve;
      });
    }
    this.#capacity = undefined;
  }

  async #route(batch: Batch): Promise<void> {
    if (!this.#ownerOf(batch) && !this.#moves?.isComing(batch)) await this.#resolve(batch);
    const gateway = this.#ownerOf(batch);
    const isEnd = batch.headers.movedTo !== undefined;
    if (gateway) {
      this.#outstanding.add(batch);
      if (isEnd) void this.#giveAway(gateway, batch);
      else gateway.offer(batch);
      // A repeat needs no acknowledgement, but the position must move over it.
      if (this.#isSettled(batch)) this.#writer?.request('soon');
      return;
    }
    if (this.#moves?.isComing(batch)) {
      this.#moves.hold(batch);
      if (isEnd) this.#outstanding.add(batch);
      else this.#outstanding.skip(batch.sequence);
      return;
    }
    this.#outstanding.skip(batch.sequence);
    this.#writer?.request('soon');
    this.#dependencies.observer.dropped(this.#whyDropped(batch), batch.messages.length);
  }

  /** What was handled in a former stay of the gateway is read again when it comes back, or by a later owner. */
  #whyDropped({ gatewayId, headers }: Batch): 'moved' | 'former_incarnation' {
    const { incarnation } = this.#gateways.get(gatewayId) ?? {};
    const entry = this.#moves?.entryOf(gatewayId);
    return headers.incarnation === incarnation || headers.incarnation === entry?.i ? 'moved' : 'former_incarnation';
  }

  /** The gateway's line has its end: what is not settled goes to the waiting room, and with it the gateway. */
  async #giveAway(gateway: Gateway, { gatewayId, headers }: Batch): Promise<void> {
    const { movedTo } = headers;
    if (movedTo === undefined || this.#leaving.has(gateway)) return;
    this.#leaving.add(gateway);
    const isReady = await gateway.leave();
    if (!isReady || this.#stopped.signal.aborted || this.#gateways.get(gatewayId) !== gateway) return;
    const { log, observer } = this.#dependencies;
    this.#moves?.giveAway(gatewayId, gateway.line.checkpoint(), movedTo, gateway.line.backlogFloor);
    this.#gateways.delete(gatewayId);
    gateway.line.stop();
    observer.moved('away');
    log.info({ gatewayId, to: movedTo }, 'gateway given to another fleet');
  }

  /** Takes up the gateway of a batch when the copy of the directory does not know it (yet, or no longer). */
  async #resolve(batch: Batch): Promise<void> {
    const { directory, clock, log } = this.#dependencies;
    const name = nameOf(batch.headers);
    while (!this.#goneLines.has(name) && !this.#stopped.signal.aborted) {
      try {
        const entry = await directory.fetch(batch.gatewayId);
        const place = entry && this.#placeOf(entry.value);
        if (entry && place && place.kind !== 'elsewhere') {
          const line = { incarnation: entry.value.incarnation, moves: place.moves };
          if (isSameLine(line, batch.headers)) {
            this.gatewayChanged(batch.gatewayId, entry);
            return;
          }
        }
        this.#goneLines.add(name);
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        log.warn({ err: error, gatewayId: batch.gatewayId }, 'could not look the gateway up');
        await delay(RETRY_MS, clock, this.#stopped.signal);
      }
    }
  }
}

function nameOf({ incarnation, moves = 0 }: LineName): string {
  return `${incarnation}.${moves}`;
}

function isOfEntry({ headers }: Batch, { i: incarnation, g: moves = 0 }: GatewayCheckpoint): boolean {
  return isSameLine(headers, { incarnation, moves });
}
