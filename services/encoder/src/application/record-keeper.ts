import { isGatecastError } from '@gatecast/shared/errors';
import { type Clock, delay } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { EncoderCheckpoint } from '@gatecast/shared/model';
import type { KeyValueStore, Revisioned } from '@gatecast/shared/nats';
import type { Observer } from './ports.ts';

export interface RecordKeeperOptions {
  readonly store: Pick<KeyValueStore<EncoderCheckpoint>, 'get' | 'create' | 'update'>;
  readonly key: string;
  /** Time between two writes, ms. */
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: Observer;
  /** What is to be recorded now, but for the epoch. */
  readonly snapshot: () => Omit<EncoderCheckpoint, 'epoch'>;
  /** A later owner has written the record: this one must not act any more. */
  readonly onStale: () => void;
}

/** Attempts to write a last time when giving a partition up. */
const LAST_ATTEMPTS = 5;

/**
 * Takes the record of a partition for an owner, before anything else is done for it: writes the owner's epoch, and
 * returns what that write has left. From here on no former owner can write it. Undefined: there is a later owner.
 * @throws {GatecastError} when NATS does not answer; may be repeated
 */
export async function claimRecord(
  store: RecordKeeperOptions['store'],
  key: string,
  epoch: number,
): Promise<Revisioned<EncoderCheckpoint> | undefined> {
  for (;;) {
    const found = await store.get(key);
    if (found && found.value.epoch > epoch) return undefined;
    if (found && found.value.epoch === epoch) return found;
    const value: EncoderCheckpoint = found ? { ...found.value, epoch } : { epoch, seq: 0, gateways: {} };
    try {
      const revision = found ? await store.update(key, value, found.revision) : await store.create(key, value);
      return { value, revision };
    } catch (error) {
      if (!isGatecastError(error, 'REVISION_CONFLICT')) throw error;
    }
  }
}

/** Writes a partition's record, in groups: at most one write per interval, one in flight, none without a change. */
export class RecordKeeper {
  readonly #options: RecordKeeperOptions;
  readonly #stopped = new AbortController();
  #epoch: number;
  #revision: number;
  #isDirty = false;
  #isStale = false;
  #writing: Promise<void> | undefined;
  /** One request at a time. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: RecordKeeperOptions, claimed: Revisioned<EncoderCheckpoint>) {
    this.#options = options;
    this.#epoch = claimed.value.epoch;
    this.#revision = claimed.revision;
  }

  /** There is something new to record. */
  changed(): void {
    this.#isDirty = true;
    if (!this.#writing && !this.#stopped.signal.aborted) this.#start();
  }

  /** Writes no more; resolves when nothing is in flight. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#writing;
  }

  /** Writes what is left to record, then no more. */
  async finish(): Promise<void> {
    await this.stop();
    for (let attempt = 0; this.#isDirty && !this.#isStale && attempt < LAST_ATTEMPTS; attempt += 1) await this.#write();
    if (this.#isDirty)
      this.#options.log.warn('the last state was not recorded; the next owner learns it from the tails');
  }

  /**
   * Claims the record again for a later lease of the same owner. True: nobody else has written it meanwhile, and what is
   * in memory still holds.
   * @throws {GatecastError} when NATS does not answer; may be repeated
   */
  reclaim(epoch: number): Promise<boolean> {
    return this.#inTurn(async () => {
      const { store, key } = this.#options;
      const found = await store.get(key);
      // Only we write our epochs: the record is ours even where the outcome of a write of ours was unknown.
      if (!found || (found.value.epoch !== this.#epoch && found.value.epoch !== epoch)) return false;
      try {
        this.#revision = await store.update(key, { ...found.value, epoch }, found.revision);
      } catch (error) {
        if (isGatecastError(error, 'REVISION_CONFLICT')) return false;
        throw error;
      }
      this.#epoch = epoch;
      return true;
    });
  }

  #start(): void {
    this.#writing = this.#writeWhileDirty().finally(() => {
      this.#writing = undefined;
      if (this.#isDirty) this.changed();
    });
  }

  async #writeWhileDirty(): Promise<void> {
    const { clock, intervalMs } = this.#options;
    while (this.#isDirty && !this.#stopped.signal.aborted) {
      await delay(intervalMs, clock, this.#stopped.signal);
      if (!this.#stopped.signal.aborted) await this.#write();
    }
  }

  #write(): Promise<void> {
    return this.#inTurn(async () => {
      const { store, key, snapshot, observer, log } = this.#options;
      const record: EncoderCheckpoint = { epoch: this.#epoch, ...snapshot() };
      this.#isDirty = false;
      try {
        this.#revision = await store.update(key, record, this.#revision);
        observer.recordWrite('written');
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        this.#isDirty = true;
        observer.recordWrite(error.code === 'REVISION_CONFLICT' ? 'conflict' : 'failed');
        log.warn({ err: error }, 'could not write the record');
        await this.#findRevision();
      }
    });
  }

  /** After a conflict or an unknown outcome: whose record is it? */
  async #findRevision(): Promise<void> {
    const { store, key, log, onStale } = this.#options;
    try {
      const found = await store.get(key);
      if (!found || found.value.epoch <= this.#epoch) {
        this.#revision = found?.revision ?? 0;
        return;
      }
      log.warn({ epoch: this.#epoch, laterEpoch: found.value.epoch }, 'a later owner has the partition');
      this.#isStale = true;
      this.#isDirty = false;
      this.#stopped.abort();
      onStale();
    } catch (error) {
      if (!isGatecastError(error)) throw error;
      log.warn({ err: error }, 'could not read the record');
    }
  }

  #inTurn<T>(request: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(request);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }
}
