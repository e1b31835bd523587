import { isGatecastError } from '@gatecast/shared/errors';
import { delay } from '@gatecast/shared/lifecycle';
import type { GatewayRecord, PublisherCheckpoint } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { Lease } from '@gatecast/shared/ownership';
import { Outstanding } from '../domain/outstanding.ts';
import { CheckpointWriter, type CheckpointWriterOptions } from './checkpoint-writer.ts';
import type { PartitionContext } from './context.ts';
import type { Gateway } from './gateway.ts';
import type { PartitionDependencies } from './partition-dependencies.ts';
import type { BacklogTail } from './ports.ts';
import { ServedGateways } from './served-gateways.ts';

const RETRY_MS = 250;

/** One partition, served under one lease: its record, its part of the moving line, its gateways. */
export class Partition {
  readonly number: number;
  readonly #dependencies: PartitionDependencies;
  readonly #stopped = new AbortController();
  readonly #onSuperseded: () => void;
  #writer: CheckpointWriter | undefined;
  #outstanding = new Outstanding(0);
  #recorded: PublisherCheckpoint | undefined;
  /** Undefined until the waiting rooms are known. */
  #served: ServedGateways | undefined;
  #capacity: (() => void) | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(number: number, dependencies: PartitionDependencies, onSuperseded: () => void) {
    this.number = number;
    this.#dependencies = dependencies;
    this.#onSuperseded = onSuperseded;
  }

  gateways(): IterableIterator<Gateway> {
    return this.#served?.all() ?? [].values();
  }

  /** Takeover: claims the record, then reads on from it. Returns false when the partition turned out not to be ours. */
  async start(lease: Lease): Promise<boolean> {
    const claimed = await CheckpointWriter.claim(this.#writerOptions(), lease);
    if (!claimed || this.#stopped.signal.aborted) return false;
    const { writer, checkpoint } = claimed;
    this.#writer = writer;
    this.#recorded = checkpoint;
    this.#outstanding = new Outstanding(checkpoint.seq);
    const { unknown, waiting } = await this.#lookAround(checkpoint);
    const context = this.#createContext(writer);
    const served = new ServedGateways({
      ...{ dependencies: this.#dependencies, context, record: this.#recorded, signal: this.#stopped.signal },
      flush: () => writer.flush(),
    });
    this.#served = served;
    const revisions = new Map<string, number>();
    for (const entry of this.#dependencies.directory.ofPartition(this.number)) {
      revisions.set(entry.value.gatewayId, entry.revision);
      served.enter(entry, waiting.get(entry.value.gatewayId));
    }
    for (const entry of unknown) {
      const { gatewayId } = entry.value;
      if ((revisions.get(gatewayId) ?? 0) < entry.revision) served.changed(gatewayId, entry);
    }
    this.#reading = this.#read(served, context.lease);
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
    for (const gateway of this.gateways()) gateway.resume();
    this.#writer?.request('now');
  }

  /** A gateway of this partition was created, changed or deleted. */
  gatewayChanged(gatewayId: string, entry: Revisioned<GatewayRecord> | undefined): void {
    // Until the waiting rooms are known the directory is not looked at: its state of then is what counts.
    this.#served?.changed(gatewayId, entry);
  }

  /** Planned handover. */
  async release(): Promise<void> {
    this.#stopped.abort();
    this.#capacity?.();
    await this.#reading;
    await this.#served?.stop();
    await this.#writer?.flush();
    this.#writer?.stop();
  }

  /** Another process owns the partition. */
  abort(): void {
    this.#stopped.abort();
    this.#capacity?.();
    this.#writer?.stop();
    this.#served?.abort();
  }

  #createContext(writer: CheckpointWriter): PartitionContext {
    const { fleet, backlog, deadLetters, connector, connectQueue, upstream, limits, observer, clock, random, log } =
      this.#dependencies;
    return {
      fleet,
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
    const epoch = this.#writer?.lease.epoch ?? 0;
    const served = this.#served;
    // During a takeover the gateways are not there yet: what was claimed is still all there is to say of them.
    if (!served) return { ...(this.#recorded ?? { seq: 0, gateways: {} }), epoch };
    const gateways = Object.fromEntries(served.entries());
    const settled = this.#outstanding.position((batch) => served.isSettled(batch));
    return { epoch, seq: Math.min(settled, served.positionBound), gateways };
  }

  #onRecorded(checkpoint: PublisherCheckpoint): void {
    this.#recorded = checkpoint;
    this.#dependencies.observer.recordWritten();
    this.#served?.recorded(checkpoint);
    this.#capacity?.();
  }

  /** What has to be known before the first gateway is served; waits out a NATS outage. */
  async #lookAround(record: PublisherCheckpoint) {
    const { clock, log } = this.#dependencies;
    while (!this.#stopped.signal.aborted) {
      try {
        return { unknown: await this.#unknownGateways(record), waiting: await this.#backlogTails() };
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        log.warn({ err: error, partition: this.number }, 'could not look into the waiting rooms');
        await delay(RETRY_MS, clock, this.#stopped.signal);
      }
    }
    return { unknown: [], waiting: new Map<string, BacklogTail>() };
  }

  /**
   * Registrations of gateways that the record has and the copy of the directory does not know: it may be behind, and what
   * the record says of them must not be forgotten by its next write. @throws {GatecastError}
   */
  async #unknownGateways({ gateways }: PublisherCheckpoint): Promise<Revisioned<GatewayRecord>[]> {
    const { directory } = this.#dependencies;
    const known = new Map<string, string>();
    for (const { value } of directory.ofPartition(this.number)) known.set(value.gatewayId, value.incarnation);
    const unknown: Revisioned<GatewayRecord>[] = [];
    for (const [gatewayId, { i, m }] of Object.entries(gateways)) {
      if (m !== undefined || known.get(gatewayId) === i) continue;
      const entry = await directory.fetch(gatewayId);
      if (entry) unknown.push(entry);
    }
    return unknown;
  }

  /** Ends of the waiting rooms that are not empty. @throws {GatecastError} */
  async #backlogTails(): Promise<Map<string, BacklogTail>> {
    const { backlog, directory } = this.#dependencies;
    const tails = new Map<string, BacklogTail>();
    const waiting = await backlog.gateways();
    for (const { value } of directory.ofPartition(this.number)) {
      const tail = waiting.has(value.gatewayId) ? await backlog.tail(value.gatewayId) : undefined;
      if (tail) tails.set(value.gatewayId, tail);
    }
    return tails;
  }

  async #read(served: ServedGateways, lease: () => Lease): Promise<void> {
    const { outbox, limits, log, clock } = this.#dependencies;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        for await (const item of outbox.read(this.number, lease, this.#outstanding.readUpTo + 1, signal)) {
          if (item.kind === 'unreadable') this.#outstanding.skip(item.sequence);
          else await served.route(item.batch);
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
}
