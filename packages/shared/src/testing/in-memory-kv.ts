import { GatecastError } from '../errors/index.ts';
import type { Departure, KeyValueStore, KeyValueView, KvChange, Revisioned } from '../nats/index.ts';

/**
 * A bucket in memory, with a view of it. Passes the same conformance suite as `KvStore` and `KvView`; records are
 * stored as JSON, so that what a caller changes afterwards does not reach the bucket.
 */
export class InMemoryKv<T> implements KeyValueStore<T> {
  readonly view: InMemoryKvView<T>;
  /** While set, every request fails with it: NATS is away. The view goes on showing what it has. */
  failure: GatecastError | undefined;
  readonly #entries = new Map<string, { json: string; revision: number }>();
  #sequence = 0;
  #interference: (() => void | Promise<void>) | undefined;

  constructor() {
    this.view = new InMemoryKvView<T>();
  }

  /** Runs `interference` right before the next write is decided: another writer that comes first. */
  beforeNextWrite(interference: () => void | Promise<void>): void {
    this.#interference = interference;
  }

  /** Ends a key without a request, as its TTL does. */
  expire(key: string): void {
    if (this.#entries.delete(key)) this.#announce(key, undefined, 'expired');
  }

  async get(key: string): Promise<Revisioned<T> | undefined> {
    this.#requireService();
    return this.#read(key);
  }

  async create(key: string, value: T): Promise<number> {
    await this.#beforeWrite();
    if (this.#entries.has(key)) throw conflict('creating', key);
    return this.#write(key, value);
  }

  async update(key: string, value: T, revision: number): Promise<number> {
    await this.#beforeWrite();
    if ((this.#entries.get(key)?.revision ?? 0) !== revision) throw conflict('updating', key);
    return this.#write(key, value);
  }

  async delete(key: string, revision?: number): Promise<void> {
    await this.#beforeWrite();
    if (revision !== undefined && this.#entries.get(key)?.revision !== revision) throw conflict('deleting', key);
    this.#sequence += 1;
    if (this.#entries.delete(key)) this.#announce(key, undefined, 'deleted');
  }

  #read(key: string): Revisioned<T> | undefined {
    const entry = this.#entries.get(key);
    return entry && { value: JSON.parse(entry.json) as T, revision: entry.revision };
  }

  #write(key: string, value: T): number {
    this.#sequence += 1;
    this.#entries.set(key, { json: JSON.stringify(value), revision: this.#sequence });
    this.#announce(key, this.#read(key));
    return this.#sequence;
  }

  #announce(key: string, current: Revisioned<T> | undefined, gone?: Departure): void {
    this.view.apply(key, current, gone);
  }

  async #beforeWrite(): Promise<void> {
    const interference = this.#interference;
    this.#interference = undefined;
    await interference?.();
    this.#requireService();
  }

  #requireService(): void {
    if (this.failure) throw this.failure;
  }
}

/** The view of an {@link InMemoryKv}: shows every write at once, unless it is held. */
export class InMemoryKvView<T> implements KeyValueView<T> {
  readonly #entries = new Map<string, Revisioned<T>>();
  readonly #listeners = new Set<(change: KvChange<T>) => void>();
  #held: [string, Revisioned<T> | undefined, Departure | undefined][] | undefined;

  /** From here on the view lags behind, until {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  /** Catches up. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const [key, current, gone] of held) this.apply(key, current, gone);
  }

  /** Called by the bucket; tests use it to show a record that no store wrote. */
  apply(key: string, current: Revisioned<T> | undefined, gone?: Departure): void {
    if (this.#held) {
      this.#held.push([key, current, gone]);
      return;
    }
    const previous = this.#entries.get(key);
    if (current) this.#entries.set(key, current);
    else this.#entries.delete(key);
    for (const listener of [...this.#listeners]) listener({ key, current, previous, gone });
  }

  get(key: string): Revisioned<T> | undefined {
    return this.#entries.get(key);
  }

  entries(): IterableIterator<[string, Revisioned<T>]> {
    return this.#entries.entries();
  }

  onChange(listener: (change: KvChange<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function conflict(doing: string, key: string): GatecastError {
  return new GatecastError('REVISION_CONFLICT', `${doing} ${key}: not at the expected revision`);
}
