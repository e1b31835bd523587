import type { Departure, Revisioned } from '../../../src/nats/index.ts';
import type { Scheduler } from './scheduler.ts';

export type BucketListener<T> = (key: string, current: Revisioned<T> | undefined, gone?: Departure) => void;

export type BucketOutcome = { kind: 'written'; revision: number } | { kind: 'deleted' } | { kind: 'conflict' };

/** A bucket as the server has it: one sequence, compare-and-set, a TTL that restarts at each write. */
export class SimulatedBucket<T> {
  /** Deliberately broken: creates over whatever is there. */
  createsWithoutLooking = false;
  readonly #entries = new Map<string, Revisioned<T>>();
  readonly #listeners = new Set<BucketListener<T>>();
  readonly #scheduler: Scheduler;
  readonly #ttlMs: number;
  readonly #random: () => number;
  #sequence = 0;

  constructor(scheduler: Scheduler, ttlMs: number, random: () => number) {
    this.#scheduler = scheduler;
    this.#ttlMs = ttlMs;
    this.#random = random;
  }

  get(key: string): Revisioned<T> | undefined {
    return this.#entries.get(key);
  }

  entries(): [string, Revisioned<T>][] {
    return [...this.#entries];
  }

  follow(listener: BucketListener<T>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  create(key: string, value: T): BucketOutcome {
    if (this.#entries.has(key) && !this.createsWithoutLooking) return { kind: 'conflict' };
    return this.#write(key, value);
  }

  update(key: string, value: T, revision: number): BucketOutcome {
    if (this.#entries.get(key)?.revision !== revision) return { kind: 'conflict' };
    return this.#write(key, value);
  }

  delete(key: string, revision: number): BucketOutcome {
    if (this.#entries.get(key)?.revision !== revision) return { kind: 'conflict' };
    this.#remove(key, 'deleted');
    return { kind: 'deleted' };
  }

  #write(key: string, value: T): BucketOutcome {
    this.#sequence += 1;
    const entry = { value, revision: this.#sequence };
    this.#entries.set(key, entry);
    for (const listener of this.#listeners) listener(key, entry);
    // Never before its time, and often a little later.
    this.#scheduler.after(this.#ttlMs * (1 + 0.1 * this.#random()), () => {
      if (this.#entries.get(key) === entry) this.#remove(key, 'expired');
    });
    return { kind: 'written', revision: entry.revision };
  }

  #remove(key: string, how: Departure): void {
    this.#sequence += 1;
    this.#entries.delete(key);
    for (const listener of this.#listeners) listener(key, undefined, how);
  }
}
