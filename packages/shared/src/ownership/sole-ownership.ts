import { isGatecastError } from '../errors/index.ts';
import { type Clock, delay } from '../lifecycle/index.ts';
import type { Logger } from '../logging/index.ts';
import { type KeyValueStore, keys } from '../nats/index.ts';
import type { Lease, LeaseRecord, Ownership, OwnershipHandlers } from './ownership.ts';

/** Key of the lease that covers a partition: one lease covers a whole fleet. */
export function leaseKeyOf(role: string, fleet: string, _partition: number): string {
  return keys.lease(role, fleet, 'all');
}

export interface SoleOwnershipOptions {
  role: string;
  fleet: string;
  instance: string;
  /** Unique to this process. */
  nonce: string;
  partitions: number;
  leases: KeyValueStore<LeaseRecord>;
  /** TTL of the bucket `leases`, ms. */
  ttlMs: number;
  clock: Clock;
  log: Logger;
}

interface Held extends Lease {
  readonly epoch: number;
  revision: number;
  /** Monotonic time until which the server is sure not to have given the lease to anybody else. */
  deadline: number;
}

/** One process owns all partitions of its fleet; a second one waits until the first is gone. */
export class SoleOwnership implements Ownership {
  readonly #options: SoleOwnershipOptions;
  readonly #key: string;
  readonly #stopped = new AbortController();
  #handlers: OwnershipHandlers | undefined;
  #held: Held | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: SoleOwnershipOptions) {
    this.#options = options;
    this.#key = leaseKeyOf(options.role, options.fleet, 0);
  }

  start(handlers: OwnershipHandlers): void {
    this.#handlers = handlers;
    this.#running = this.#run(handlers);
  }

  isOwner(): boolean {
    return this.#held?.isValid() ?? false;
  }

  async stop(): Promise<void> {
    try {
      const handlers = this.#handlers;
      if (this.#held && handlers) {
        await Promise.all(this.#partitions().map((partition) => handlers.release(partition)));
      }
    } finally {
      this.#stopped.abort();
      await this.#running;
    }
    await this.#giveUp(this.#held);
  }

  async #giveUp(held: Held | undefined): Promise<void> {
    if (!held?.isValid()) return;
    try {
      await this.#options.leases.delete(this.#key, held.revision);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'could not give up the lease; it expires by itself');
    }
  }

  async #run(handlers: OwnershipHandlers): Promise<void> {
    const { clock, log, ttlMs, role, fleet } = this.#options;
    const stopped = this.#stopped.signal;
    let before: Held | undefined;
    while (!stopped.aborted) {
      const held = await this.#acquire();
      if (stopped.aborted) return await this.#giveUp(held); // asked for before, answered after
      if (!held) {
        if (before) {
          log.warn({ role, fleet, epoch: before.epoch }, 'another process owns the fleet now');
          before = undefined;
          this.#held = undefined;
          await Promise.all(this.#partitions().map((partition) => handlers.lost(partition)));
        }
        await delay(ttlMs / 8, clock, stopped);
        continue;
      }
      this.#held = held;
      before = held;
      log.info({ role, fleet, epoch: held.epoch }, 'lease acquired');
      for (const partition of this.#partitions()) handlers.acquired(partition, held);
      await this.#renewUntilGone(held);
    }
  }

  /** Takes the lease if nobody has it. Undefined: somebody else has. Waits out a NATS outage. */
  async #acquire(): Promise<Held | undefined> {
    const { clock, log } = this.#options;
    while (!this.#stopped.signal.aborted) {
      try {
        return (await this.#create()) ?? (await this.#adoptOwn());
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        log.warn({ err: error }, 'could not ask for the lease');
        await delay(250, clock, this.#stopped.signal);
      }
    }
    return undefined;
  }

  /** Undefined: there is one. */
  async #create(): Promise<Held | undefined> {
    const { leases, clock } = this.#options;
    const asked = clock.monotonic();
    try {
      return this.#hold(await leases.create(this.#key, this.#record()), asked);
    } catch (error) {
      if (isGatecastError(error, 'REVISION_CONFLICT')) return undefined;
      throw error;
    }
  }

  /** After a creation whose outcome was unknown the lease may be ours already: renew it before use. */
  async #adoptOwn(): Promise<Held | undefined> {
    const { leases, clock, nonce } = this.#options;
    const found = await leases.get(this.#key);
    if (found?.value.nonce !== nonce) return undefined;
    const asked = clock.monotonic();
    try {
      return this.#hold(await leases.update(this.#key, this.#record(), found.revision), asked);
    } catch (error) {
      if (isGatecastError(error, 'REVISION_CONFLICT')) return undefined;
      throw error;
    }
  }

  /** Returns when the lease has expired, is another's, or the process stops. */
  async #renewUntilGone(held: Held): Promise<void> {
    const { leases, clock, log, ttlMs, nonce } = this.#options;
    let pauseMs = ttlMs / 4;
    for (;;) {
      await delay(pauseMs, clock, this.#stopped.signal);
      if (this.#stopped.signal.aborted) return;
      pauseMs = ttlMs / 4;
      const asked = clock.monotonic();
      try {
        held.revision = await leases.update(this.#key, this.#record(), held.revision);
        held.deadline = asked + ttlMs;
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        log.warn({ err: error, valid: held.isValid() }, 'could not renew the lease');
        pauseMs = ttlMs / 16;
        if (error.code !== 'REVISION_CONFLICT') continue;
        const found = await leases.get(this.#key).catch(() => 'unknown' as const);
        if (found === 'unknown') continue;
        if (found?.value.nonce !== nonce) {
          held.deadline = Number.NEGATIVE_INFINITY;
          return;
        }
        held.revision = found.revision;
      }
    }
  }

  #hold(revision: number, asked: number): Held {
    const { clock, instance, ttlMs } = this.#options;
    return {
      epoch: revision,
      instance,
      revision,
      deadline: asked + ttlMs,
      isValid() {
        return clock.monotonic() < this.deadline;
      },
    };
  }

  #record(): LeaseRecord {
    const { instance, nonce, clock } = this.#options;
    return { instance, nonce, renewedAt: new Date(clock.now()).toISOString() };
  }

  #partitions(): number[] {
    return Array.from({ length: this.#options.partitions }, (_, partition) => partition);
  }
}
