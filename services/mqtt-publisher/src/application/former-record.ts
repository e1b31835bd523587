import { type Clock, delay, SharedRequest } from '@gatecast/shared/lifecycle';
import type { PublisherCheckpoint } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { FormerFleet } from './ports.ts';

/**
 * A partition's record in another fleet, for the gateways that come from there: its writes are heard of while anybody
 * waits for one, and read once for all.
 */
export class FormerRecord {
  readonly #fleet: FormerFleet;
  readonly #partition: number;
  readonly #reads: SharedRequest<Revisioned<PublisherCheckpoint> | undefined>;
  readonly #waiting = new Set<() => void>();
  #users = 0;
  #following: AbortController | undefined;
  /** Counts the writes that were heard of. */
  #writes = 0;

  constructor(fleet: FormerFleet, partition: number) {
    this.#fleet = fleet;
    this.#partition = partition;
    this.#reads = new SharedRequest(() => fleet.checkpoints.read(partition));
  }

  /** How many writes were heard of so far. */
  get writes(): number {
    return this.#writes;
  }

  /** @throws {GatecastError} */
  read(): Promise<Revisioned<PublisherCheckpoint> | undefined> {
    return this.#reads.get();
  }

  /** Listens from now on, until the returned function is called; it may be called once. */
  use(): () => void {
    this.#users += 1;
    if (!this.#following) {
      this.#following = new AbortController();
      this.#fleet.follow(this.#partition, () => this.#written(), this.#following.signal);
    }
    return () => {
      this.#users -= 1;
      if (this.#users > 0) return;
      this.#following?.abort();
      this.#following = undefined;
    };
  }

  /** Resolves to true when more than `seen` writes were heard of; to false after `ms`, or when `signal` aborts. */
  async nextWrite(seen: number, ms: number, clock: Clock, signal: AbortSignal): Promise<boolean> {
    if (this.#writes === seen) {
      const woken = new AbortController();
      const wake = () => woken.abort();
      this.#waiting.add(wake);
      await delay(ms, clock, AbortSignal.any([woken.signal, signal]));
      this.#waiting.delete(wake);
    }
    return this.#writes > seen;
  }

  #written(): void {
    this.#writes += 1;
    for (const wake of this.#waiting) wake();
  }
}
