import { isGatecastError } from '@gatecast/shared/errors';
import { delay, withDeadline } from '@gatecast/shared/lifecycle';
import type { GatewayCheckpoint, GatewayRecord, PublisherCheckpoint } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { Batch } from '../domain/batch.ts';
import { isSameLine, type LineName, type Place, placeOf } from '../domain/place.ts';
import type { PartitionContext } from './context.ts';
import { Gateway } from './gateway.ts';
import { Moves } from './moves.ts';
import type { PartitionDependencies } from './partition-dependencies.ts';
import type { BacklogTail } from './ports.ts';

const RETRY_MS = 250;
const GONE_REMEMBERED = 1_000;

export interface ServedGatewaysOptions {
  readonly dependencies: PartitionDependencies;
  readonly context: PartitionContext;
  /** What the durable record says. */
  readonly record: PublisherCheckpoint;
  /** Writes the record now; resolves when done, or when the lease is gone. */
  readonly flush: () => Promise<void>;
  /** Aborted when the partition is given up. */
  readonly signal: AbortSignal;
}

/** The gateways that a partition serves, those that come and those that leave; and whose a batch of the moving line is. */
export class ServedGateways {
  readonly #options: ServedGatewaysOptions;
  readonly #gateways = new Map<string, Gateway>();
  readonly #moves: Moves;
  /** Lines that are known to be nobody's here any more: their messages are dropped without asking again. */
  readonly #goneLines = new Set<string>();
  /** Those that are gone and say good-bye to their brokers. */
  readonly #retiring = new Map<Gateway, Promise<void>>();
  /** Gateways whose line has its end. */
  readonly #leaving = new WeakSet<Gateway>();
  #record: PublisherCheckpoint;

  constructor(options: ServedGatewaysOptions) {
    const { dependencies, context, record, flush } = options;
    this.#options = options;
    this.#record = record;
    const recorded = (gatewayId: string) => this.#record.gateways[gatewayId];
    this.#moves = new Moves(
      {
        ...{ dependencies, context, recorded, flush },
        onArrived: ({ entry, end, latest }, checkpoint, tail) => {
          const gateway = this.#add(entry, checkpoint, tail);
          if (latest) gateway?.heard(latest);
          if (gateway && end) void this.#giveAway(gateway, end);
        },
      },
      record,
    );
  }

  all(): IterableIterator<Gateway> {
    return this.#gateways.values();
  }

  /** What the durable record is to say of gateways. */
  *entries(): Iterable<[gatewayId: string, GatewayCheckpoint]> {
    yield* this.#moves.entries();
    for (const [gatewayId, gateway] of this.#gateways) {
      if (gateway.hasHistory) yield [gatewayId, gateway.checkpoint()];
    }
  }

  /** How far the position of the line may move at most. */
  get positionBound(): number {
    return (this.#moves.firstHeld ?? Number.POSITIVE_INFINITY) - 1;
  }

  isSettled(batch: Batch): boolean {
    const gateway = this.#ownerOf(batch);
    // The end of a line stands until its gateway is given away: a later owner has to meet it again.
    if (gateway) return batch.headers.movedTo === undefined && gateway.line.isSettled(batch);
    return !this.#moves.isComing(batch);
  }

  recorded(record: PublisherCheckpoint): void {
    const { outstanding } = this.#options.context;
    this.#record = record;
    for (const batch of outstanding.batches()) {
      const entry = record.gateways[batch.gatewayId];
      const isRecorded = entry !== undefined && isOfEntry(batch, entry) && entry.s >= batch.last;
      const isNeeded = this.#ownerOf(batch) ? !this.isSettled(batch) || !isRecorded : this.#moves.isComing(batch);
      if (!isNeeded || batch.inBacklog) outstanding.remove(batch);
    }
    for (const [gatewayId, gateway] of this.#gateways) {
      const own = record.gateways[gatewayId];
      // A record that was built before the gateway was created anew, or came back, speaks of another line.
      if (own && gateway.isOf({ incarnation: own.i, moves: own.g ?? 0 })) gateway.recorded(own);
    }
  }

  /** A gateway of this partition was created, changed or deleted. */
  changed(gatewayId: string, entry: Revisioned<GatewayRecord> | undefined): void {
    const gateway = this.#gateways.get(gatewayId);
    const place = entry && this.#placeOf(entry.value);
    if (entry && place && place.kind !== 'elsewhere') {
      if (gateway?.isOf({ incarnation: entry.value.incarnation, moves: place.moves })) {
        gateway.update(entry);
        return;
      }
      if (this.#moves.update(entry, place.moves)) return;
    }
    this.#moves.forget(gatewayId, entry?.value);
    if (gateway) this.#retire(gatewayId, gateway);
    if (entry) this.enter(entry, 'unknown');
  }

  /** Takes up a gateway that is not known yet, whose waiting room ends at `tail`. */
  enter(entry: Revisioned<GatewayRecord>, tail: BacklogTail | 'unknown' | undefined): void {
    if (this.#options.signal.aborted) return;
    const place = this.#placeOf(entry.value);
    if (place.kind === 'here') this.#add(entry, this.#record.gateways[entry.value.gatewayId], tail);
    else if (place.kind === 'coming') this.#moves.expect(entry, place.from);
  }

  /** Gives a batch of the moving line to its gateway. */
  async route(batch: Batch): Promise<void> {
    const { outstanding, requestRecord, observer } = this.#options.context;
    if (!this.#ownerOf(batch) && !this.#moves.isComing(batch)) await this.#resolve(batch);
    const gateway = this.#ownerOf(batch);
    const isEnd = batch.headers.movedTo !== undefined;
    if (gateway) {
      outstanding.add(batch);
      if (isEnd) void this.#giveAway(gateway, batch);
      else gateway.offer(batch);
      // A repeat needs no acknowledgement, but the position must move over it.
      if (this.isSettled(batch)) requestRecord('soon');
      return;
    }
    if (this.#moves.isComing(batch)) {
      this.#moves.hold(batch);
      if (isEnd) outstanding.add(batch);
      else outstanding.skip(batch.sequence);
      return;
    }
    outstanding.skip(batch.sequence);
    requestRecord('soon');
    observer.dropped(this.#whyDropped(batch), batch.messages.length);
  }

  /** Planned end: other processes serve them next. */
  async stop(): Promise<void> {
    this.#moves.stop();
    await Promise.all([this.#goodbyes(), ...[...this.#gateways.values()].map((gateway) => gateway.stop())]);
  }

  /** Another process owns the partition. */
  abort(): void {
    this.#moves.stop();
    for (const gateway of [...this.#gateways.values(), ...this.#retiring.keys()]) gateway.abort();
    this.#gateways.clear();
  }

  /** The others of the partition, who wait for their next owner, do not wait for a broker that answers nothing. */
  async #goodbyes(): Promise<void> {
    const { limits, clock, log } = this.#options.context;
    try {
      await withDeadline(Promise.all(this.#retiring.values()), limits.drainMs, 'saying good-bye', clock);
    } catch (error) {
      log.warn({ err: error }, 'gateways that are gone could not say good-bye to their brokers');
      for (const gateway of this.#retiring.keys()) gateway.abort();
    }
  }

  #ownerOf({ gatewayId, headers }: Batch): Gateway | undefined {
    const gateway = this.#gateways.get(gatewayId);
    return gateway?.isOf(headers) ? gateway : undefined;
  }

  #placeOf(gateway: GatewayRecord): Place {
    const { gatewayId } = gateway;
    const entry = this.#moves.entryOf(gatewayId) ?? this.#record.gateways[gatewayId];
    return placeOf(gateway, this.#options.context.fleet, entry);
  }

  #add(
    entry: Revisioned<GatewayRecord>,
    checkpoint: GatewayCheckpoint | undefined,
    tail: BacklogTail | 'unknown' | undefined,
  ): Gateway | undefined {
    const { context, dependencies, signal } = this.#options;
    if (signal.aborted) return undefined;
    const { gatewayId } = entry.value;
    const gateway: Gateway = new Gateway(entry, checkpoint, tail, context, (record, transition) => {
      // What a retired registration still has to say is about nobody.
      if (this.#gateways.get(gatewayId) === gateway) dependencies.status.publish(record, transition);
    });
    this.#gateways.set(gatewayId, gateway);
    gateway.start();
    return gateway;
  }

  #retire(gatewayId: string, gateway: Gateway): void {
    const { dependencies, context } = this.#options;
    const { outstanding, observer, log } = context;
    this.#gateways.delete(gatewayId);
    this.#isGone(nameOf(gateway.line));
    dependencies.status.forget(gatewayId);
    for (const batch of [...outstanding.of(gatewayId)]) {
      if (!gateway.isOf(batch.headers)) continue;
      observer.dropped('former_incarnation', batch.messages.length);
      outstanding.remove(batch);
    }
    const retired = gateway
      .retire()
      .catch((error) => log.error({ err: error, gatewayId }, 'could not retire the gateway'))
      .finally(() => this.#retiring.delete(gateway));
    this.#retiring.set(gateway, retired);
  }

  /** Remembers the latest ones; what was forgotten is looked up again. */
  #isGone(line: string): void {
    this.#goneLines.add(line);
    const [oldest] = this.#goneLines;
    if (oldest !== undefined && this.#goneLines.size > GONE_REMEMBERED) this.#goneLines.delete(oldest);
  }

  /** What was handled in a former stay of the gateway is read again when it comes back, or by a later owner. */
  #whyDropped({ gatewayId, headers }: Batch): 'moved' | 'former_incarnation' {
    const { incarnation } = this.#gateways.get(gatewayId) ?? {};
    const entry = this.#moves.entryOf(gatewayId);
    return headers.incarnation === incarnation || headers.incarnation === entry?.i ? 'moved' : 'former_incarnation';
  }

  /** The gateway's line has its end: what is not settled goes to the waiting room, and with it the gateway. */
  async #giveAway(gateway: Gateway, { gatewayId, headers }: Batch): Promise<void> {
    const { movedTo } = headers;
    if (movedTo === undefined || this.#leaving.has(gateway)) return;
    this.#leaving.add(gateway);
    const isReady = await gateway.leave();
    if (!isReady || this.#options.signal.aborted || this.#gateways.get(gatewayId) !== gateway) return;
    const { dependencies, context } = this.#options;
    const { observer, log } = context;
    this.#moves.giveAway(gatewayId, gateway.checkpoint(), movedTo);
    this.#gateways.delete(gatewayId);
    gateway.line.stop();
    dependencies.status.forget(gatewayId);
    observer.moved('away');
    log.info({ gatewayId, to: movedTo }, 'gateway given to another fleet');
  }

  /** Takes up the gateway of a batch when the copy of the directory does not know it (yet, or no longer). */
  async #resolve(batch: Batch): Promise<void> {
    const { dependencies, context, signal } = this.#options;
    const { clock, log } = context;
    const name = nameOf(batch.headers);
    while (!this.#goneLines.has(name) && !signal.aborted) {
      try {
        const entry = await dependencies.directory.fetch(batch.gatewayId);
        const place = entry && this.#placeOf(entry.value);
        if (entry && place && place.kind !== 'elsewhere') {
          const line = { incarnation: entry.value.incarnation, moves: place.moves };
          if (isSameLine(line, batch.headers)) {
            this.changed(batch.gatewayId, entry);
            return;
          }
        }
        this.#isGone(name);
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        log.warn({ err: error, gatewayId: batch.gatewayId }, 'could not look the gateway up');
        await delay(RETRY_MS, clock, signal);
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
