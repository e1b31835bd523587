import { isGatecastError } from '@gatecast/shared/errors';
import { delay } from '@gatecast/shared/lifecycle';
import type { GatewayRecord, PublisherCheckpoint } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { Lease } from '@gatecast/shared/ownership';
import type { Batch } from '../domain/batch.ts';
import { Outstanding } from '../domain/outstanding.ts';
import { CheckpointWriter, type CheckpointWriterOptions } from './checkpoint-writer.ts';
import type { PartitionContext } from './context.ts';
import { Gateway } from './gateway.ts';
import type { PartitionDependencies } from './partition-dependencies.ts';
import type { BacklogTail } from './ports.ts';

const RETRY_MS = 250;
const GONE_REMEMBERED = 1_000;

/** The gateways of one partition, served under one lease. */
export class Partition {
  readonly number: number;
  readonly #dependencies: PartitionDependencies;
  readonly #stopped = new AbortController();
  readonly #gateways = new Map<string, Gateway>();
  /** Registrations that are known to be gone: their messages are dropped without asking again. */
  readonly #goneIncarnations = new Set<string>();
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

  gateways(): IterableIterator<Gateway> {
    return this.#gateways.values();
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
    const waiting = await this.#backlogTails();
    this.#isLoaded = true;
    for (const entry of this.#dependencies.directory.ofPartition(this.number)) {
      this.#add(entry, waiting.get(entry.value.gatewayId));
    }
    this.#reading = this.#read(this.#context.lease);
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
    if (gateway && entry?.value.incarnation === gateway.incarnation) {
      gateway.update(entry);
      return;
    }
    if (gateway) this.#retire(gatewayId, gateway);
    if (entry) this.#add(entry, undefined);
  }

  /** Planned handover. */
  async release(): Promise<void> {
    this.#stopped.abort();
    this.#capacity?.();
    await this.#reading;
    await Promise.all([...this.#gateways.values()].map((gateway) => gateway.stop()));
    await this.#writer?.flush();
    this.#writer?.stop();
  }

  /** Another process owns the partition. */
  abort(): void {
    this.#stopped.abort();
    this.#capacity?.();
    this.#writer?.stop();
    for (const gateway of this.#gateways.values()) gateway.abort();
    this.#gateways.clear();
  }

  #createContext(writer: CheckpointWriter): PartitionContext {
    const { backlog, deadLetters, connector, connectQueue, upstream, limits, observer, clock, random, log } =
      this.#dependencies;
    return {
      partition: this.number,
      lease: () => writer.lease,
      outstanding: this.#outstanding,
      requestRecord: (urgency) => writer.request(urgency),
      backlog,
      deadLetters,
      connector,
      connectQueue,
      upstream,
      limits,
      observer,
      clock,
      random,
      log: log.child({ partition: this.number }),
    };
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
    // During a takeover the gateways are not there yet: what was claimed is still all there is to say of them.
    if (!this.#isLoaded && this.#recorded) {
      return { ...this.#recorded, epoch: this.#writer?.lease.epoch ?? this.#recorded.epoch };
    }
    const gateways: PublisherCheckpoint['gateways'] = {};
    for (const [gatewayId, gateway] of this.#gateways) {
      if (gateway.hasHistory) gateways[gatewayId] = gateway.checkpoint();
    }
    const seq = this.#outstanding.position((batch) => this.#isSettled(batch));
    return { epoch: this.#writer?.lease.epoch ?? 0, seq, gateways };
  }

  #isSettled(batch: Batch): boolean {
    const gateway = this.#gateways.get(batch.gatewayId);
    return gateway?.incarnation !== batch.headers.incarnation || gateway.line.isSettled(batch);
  }

  #onRecorded(checkpoint: PublisherCheckpoint): void {
    this.#recorded = checkpoint;
    this.#dependencies.observer.recordWritten();
    for (const batch of this.#outstanding.batches()) {
      const recorded = checkpoint.gateways[batch.gatewayId];
      const gone = this.#gateways.get(batch.gatewayId)?.incarnation !== batch.headers.incarnation;
      if (gone || batch.inBacklog || (recorded && recorded.s >= batch.last)) this.#outstanding.remove(batch);
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

  #add(entry: Revisioned<GatewayRecord>, tail: BacklogTail | undefined): void {
    if (!this.#context || this.#stopped.signal.aborted) return;
    const { gatewayId } = entry.value;
    const checkpoint = this.#recorded?.gateways[gatewayId];
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
    this.#isGone(gateway.incarnation);
    status.forget(gatewayId);
    for (const batch of [...this.#outstanding.of(gatewayId)]) {
      if (batch.headers.incarnation !== gateway.incarnation) continue;
      observer.dropped('former_incarnation', batch.messages.length);
      this.#outstanding.remove(batch);
    }
    gateway.retire().catch((error) => log.error({ err: error, gatewayId }, 'could not retire the gateway'));
  }

  /** Remembers the latest ones; what was forgotten is looked up again. */
  #isGone(incarnation: string): void {
    this.#goneIncarnations.add(incarnation);
    const [oldest] = this.#goneIncarnations;
    if (oldest !== undefined && this.#goneIncarnations.size > GONE_REMEMBERED) this.#goneIncarnations.delete(oldest);
  }

  async #read(lease: () => Lease): Promise<void> {
    const { outbox, limits, log, clock } = this.#dependencies;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        for await (const item of outbox.read(this.number, lease, this.#outstanding.readUpTo + 1, signal)) {
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
    const known = this.#gateways.get(batch.gatewayId);
    const gateway = known?.incarnation === batch.headers.incarnation ? known : await this.#resolve(batch);
    if (gateway) {
      this.#outstanding.add(batch);
      gateway.offer(batch);
      // A repeat needs no acknowledgement, but the position must move over it.
      if (gateway.line.isSettled(batch)) this.#writer?.request('soon');
      return;
    }
    this.#outstanding.skip(batch.sequence);
    this.#writer?.request('soon');
    this.#dependencies.observer.dropped('former_incarnation', batch.messages.length);
  }

  /** The gateway that a batch belongs to when the copy of the directory does not know it (yet, or no longer). */
  async #resolve(batch: Batch): Promise<Gateway | undefined> {
    const { directory, clock, log, fleet } = this.#dependencies;
    const { incarnation } = batch.headers;
    while (!this.#goneIncarnations.has(incarnation) && !this.#stopped.signal.aborted) {
      try {
        const entry = await directory.fetch(batch.gatewayId);
        if (entry?.value.incarnation === incarnation && entry.value.fleet === fleet) {
          this.gatewayChanged(batch.gatewayId, entry);
          return this.#gateways.get(batch.gatewayId);
        }
        this.#isGone(incarnation);
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        log.warn({ err: error, gatewayId: batch.gatewayId }, 'could not look the gateway up');
        await delay(RETRY_MS, clock, this.#stopped.signal);
      }
    }
    return undefined;
  }
}
