import { isGatecastError } from '@gatecast/shared/errors';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { KeyValueStore, KeyValueView, Revisioned } from '@gatecast/shared/nats';
import { type Precondition, requireMatch, staleRevision } from '../domain/revision.ts';

/** How long an answer waits for this process's own copy to show what was just written, ms. */
const SHOWN_WITHIN_MS = 2_000;
const ATTEMPTS = 5;

/**
 * A bucket with the copy of it in memory. Reads come from the copy, and so go on while NATS is away; a write resolves
 * once the copy shows it, so that whoever wrote reads what was written. (Another process's copy follows a moment later.)
 */
export class Records<T> {
  readonly #store: KeyValueStore<T>;
  readonly #view: KeyValueView<T>;
  readonly #clock: Clock;

  constructor({ store, view }: { store: KeyValueStore<T>; view: KeyValueView<T> }, clock: Clock) {
    this.#store = store;
    this.#view = view;
    this.#clock = clock;
  }

  /** From memory. */
  get(key: string): Revisioned<T> | undefined {
    return this.#view.get(key);
  }

  /** From memory. */
  entries(): IterableIterator<[string, Revisioned<T>]> {
    return this.#view.entries();
  }

  /** From the server: what a decision about a write is made on. */
  latest(key: string): Promise<Revisioned<T> | undefined> {
    return this.#store.get(key);
  }

  /** @throws {GatecastError} `REVISION_CONFLICT` when the key exists. */
  async create(key: string, value: T): Promise<number> {
    const revision = await this.#store.create(key, value);
    await this.#shown(key, (entry) => entry !== undefined && entry.revision >= revision);
    return revision;
  }

  /** @throws {GatecastError} `REVISION_CONFLICT` when the key is not at `revision`. */
  async update(key: string, value: T, revision: number): Promise<number> {
    const written = await this.#store.update(key, value, revision);
    await this.#shown(key, (entry) => entry !== undefined && entry.revision >= written);
    return written;
  }

  /** @throws {GatecastError} `REVISION_CONFLICT` when the key is not at `revision`. */
  async delete(key: string, revision: number): Promise<void> {
    await this.#store.delete(key, revision);
    await this.#shown(key, (entry) => entry === undefined || entry.revision > revision);
  }

  /**
   * Reads, changes and writes back, again when another writer came first, unless the caller's precondition speaks of
   * one revision. `change` may throw a refusal; what it returns unchanged (the same object) is not written.
   * @throws {Refusal} `stale_revision`
   */
  async change(
    key: string,
    precondition: Precondition | undefined,
    change: (current: Revisioned<T> | undefined) => T,
  ): Promise<Revisioned<T>> {
    for (let attempt = 1; ; attempt += 1) {
      const current = await this.latest(key);
      const value = change(current);
      if (current) requireMatch(precondition, current.revision);
      if (current && value === current.value) return current;
      try {
        const revision = current ? await this.update(key, value, current.revision) : await this.create(key, value);
        return { value, revision };
      } catch (error) {
        if (!isGatecastError(error, 'REVISION_CONFLICT')) throw error;
        if (Array.isArray(precondition) || attempt === ATTEMPTS) throw staleRevision(error);
      }
    }
  }

  /**
   * Deletes what is there, whichever revision it has, unless the caller's precondition speaks of one. `check` may throw
   * a refusal. Returns what was deleted.
   * @throws {Refusal} `stale_revision`
   */
  async remove(
    key: string,
    precondition: Precondition | undefined,
    check: (current: Revisioned<T> | undefined) => void,
  ): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const current = await this.latest(key);
      check(current);
      if (!current) throw staleRevision();
      requireMatch(precondition, current.revision);
      try {
        await this.delete(key, current.revision);
        return current.value;
      } catch (error) {
        if (!isGatecastError(error, 'REVISION_CONFLICT')) throw error;
        if (Array.isArray(precondition) || attempt === ATTEMPTS) throw staleRevision(error);
      }
    }
  }

  /** Resolves when the copy of the key `isShown`, or when that takes too long: the write itself is done. */
  #shown(key: string, isShown: (entry: Revisioned<T> | undefined) => boolean): Promise<void> {
    if (isShown(this.#view.get(key))) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        unsubscribe();
        resolve();
      };
      const unsubscribe = this.#view.onChange((change) => {
        if (change.key === key && isShown(change.current)) done();
      });
      const timer = this.#clock.setTimeout(done, SHOWN_WITHIN_MS);
    });
  }
}
