import { isGatecastError } from '@gatecast/shared/errors';
import { type Clock, delay } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { PublisherCheckpoint } from '@gatecast/shared/model';
import type { Lease } from '@gatecast/shared/ownership';
import type { CheckpointStore } from './ports.ts';

const RETRY_MS = 250;

export interface CheckpointWriterOptions {
  partition: number;
  store: CheckpointStore;
  /** Longest time between a request and its write, ms. */
  intervalMs: number;
  clock: Clock;
  log: Logger;
  /** What the record should say now. */
  build: () => PublisherCheckpoint;
  /** The store holds what `build` returned. */
  onRecorded: (checkpoint: PublisherCheckpoint) => void;
  /** The record belongs to a higher epoch: another process owns the partition. */
  onSuperseded: () => void;
}

/** Writes a partition's durable record: grouped, one write in flight, guarded by revision and epoch. */
export class CheckpointWriter {
  readonly #options: CheckpointWriterOptions;
  readonly #stopped = new AbortController();
  #revision: number | undefined;
  #lastWritten = '';
  #writing = false;
  #wanted: 'no' | 'soon' | 'now' = 'no';
  #timer: { cancel(): void; urgency: 'soon' | 'now' } | undefined;
  #lease: Lease;

  private constructor(options: CheckpointWriterOptions, lease: Lease) {
    this.#options = options;
    this.#lease = lease;
  }

  get lease(): Lease {
    return this.#lease;
  }

  /**
   * Takes the record over: writes the lease's epoch into it by compare-and-set and returns what that write was based
   * on. Waits out a NATS outage. Undefined when a higher epoch owns it, or the lease is no longer valid.
   */
  static async claim(
    options: CheckpointWriterOptions,
    lease: Lease,
  ): Promise<{ writer: CheckpointWriter; checkpoint: PublisherCheckpoint } | undefined> {
    const { store, partition, clock, log } = options;
    const writer = new CheckpointWriter(options, lease);
    while (lease.isValid()) {
      try {
        const found = await store.read(partition);
        if (found && found.value.epoch > lease.epoch) return undefined;
        const checkpoint = { ...(found?.value ?? { seq: 0, gateways: {} }), epoch: lease.epoch };
        writer.#revision = await store.write(partition, checkpoint, found?.revision);
        return { writer, checkpoint };
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        log.warn({ err: error, partition }, 'could not claim the checkpoint');
        await delay(RETRY_MS, clock);
      }
    }
    return undefined;
  }

  /**
   * Goes on under a new lease of the same process. False when anybody else has written the record meanwhile: what is
   * in memory is then worth nothing.
   */
  async reclaim(lease: Lease): Promise<boolean> {
    const { store, partition, clock, log, build } = this.#options;
    while (lease.isValid() && !this.#stopped.signal.aborted) {
      try {
        const checkpoint = { ...build(), epoch: lease.epoch };
        this.#revision = await store.write(partition, checkpoint, this.#revision);
        this.#lease = lease;
        this.request('now');
        return true;
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        log.warn({ err: error, partition }, 'could not claim the checkpoint again');
        if (error.code === 'REVISION_CONFLICT' && !(await this.#adopt(lease.epoch))) return false;
        await delay(RETRY_MS, clock);
      }
    }
    return false;
  }

  request(urgency: 'now' | 'soon'): void {
    if (this.#wanted !== 'now') this.#wanted = urgency;
    if (this.#writing || this.#stopped.signal.aborted) return;
    if (!this.#timer || (urgency === 'now' && this.#timer.urgency === 'soon')) this.#schedule(urgency);
  }

  /** Writes what is not written yet. Resolves when done, or when the lease is gone. */
  async flush(): Promise<void> {
    do {
      this.#timer?.cancel();
      this.#timer = undefined;
      while (this.#writing) await delay(5, this.#options.clock);
      await this.#write();
    } while (this.#wanted !== 'no' && this.#lease.isValid() && !this.#stopped.signal.aborted);
  }

  stop(): void {
    this.#stopped.abort();
    this.#timer?.cancel();
  }

  #schedule(urgency: 'now' | 'soon'): void {
    this.#timer?.cancel();
    const { clock, intervalMs } = this.#options;
    const timer = clock.setTimeout(
      () => {
        this.#timer = undefined;
        void this.#write();
      },
      urgency === 'now' ? 0 : intervalMs,
    );
    this.#timer = { cancel: () => timer.cancel(), urgency };
  }

  async #write(): Promise<void> {
    if (this.#writing || !this.#lease.isValid()) return;
    this.#writing = true;
    this.#wanted = 'no';
    const { store, partition, build, onRecorded, log, clock } = this.#options;
    const checkpoint = build();
    const text = JSON.stringify(checkpoint);
    try {
      if (text !== this.#lastWritten) {
        this.#revision = await store.write(partition, checkpoint, this.#revision);
        this.#lastWritten = text;
      }
      onRecorded(checkpoint);
    } catch (error) {
      if (!isGatecastError(error)) throw error;
      log.warn({ err: error, partition }, 'could not write the checkpoint');
      this.#wanted = 'now';
      // It may have been written all the same: that nothing has changed since the last success proves nothing now.
      this.#lastWritten = '';
      if (error.code === 'REVISION_CONFLICT' && !(await this.#adopt())) {
        this.stop();
        this.#options.onSuperseded();
      } else await delay(RETRY_MS, clock, this.#stopped.signal);
    } finally {
      this.#writing = false;
    }
    const wanted: 'no' | 'soon' | 'now' = this.#wanted;
    if (wanted !== 'no') this.request(wanted);
  }

  /** After a conflict: the record is still ours if its epoch is (an earlier write of ours had an unknown outcome). */
  async #adopt(newEpoch?: number): Promise<boolean> {
    const { store, partition, log } = this.#options;
    try {
      const found = await store.read(partition);
      if (found && found.value.epoch !== this.#lease.epoch && found.value.epoch !== newEpoch) return false;
      this.#revision = found?.revision;
    } catch (error) {
      if (!isGatecastError(error)) throw error;
      log.warn({ err: error, partition }, 'could not read the checkpoint');
    }
    return true;
  }
}
