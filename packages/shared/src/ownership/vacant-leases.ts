import { randomUUID } from 'node:crypto';
import { isGatecastError } from '../errors/index.ts';
import type { Clock } from '../lifecycle/index.ts';
import type { Logger } from '../logging/index.ts';
import { type KeyValueStore, KvStore, type Nats } from '../nats/index.ts';
import type { Lease, LeaseRecord } from './ownership.ts';
import { leaseKeyOf } from './partition-ownership.ts';

export interface VacantLeasesOptions {
  role: 'publisher' | 'encoder';
  instance: string;
  /** Unique to this process. */
  nonce: string;
  leases: Pick<KeyValueStore<LeaseRecord>, 'get' | 'create' | 'delete'>;
  /** TTL of a lease, ms. */
  ttlMs: number;
  clock: Clock;
  log: Logger;
}

/** A lease for a moment: it is not renewed. */
export interface BriefLease extends Pick<Lease, 'epoch' | 'isValid'> {
  /** Never rejects: what cannot be given up expires. */
  giveUp(): Promise<void>;
}

/**
 * Leases of fleets that no process serves, taken for a moment by one that is no member there, to do what has to be done
 * in their place: under the very lease of an owner, so that nobody else acts at the same time, a later owner finds a
 * lower epoch, and one that was paused a higher one.
 */
export class VacantLeases {
  readonly #options: VacantLeasesOptions;
  /** Leases that were found missing, by key: since when, and when that was looked at last, monotonic ms. */
  readonly #missing = new Map<string, { since: number; seenAt: number }>();

  constructor(options: VacantLeasesOptions) {
    this.#options = options;
  }

  static async open(
    nats: Nats,
    name: Pick<VacantLeasesOptions, 'role' | 'instance'>,
    context: Pick<VacantLeasesOptions, 'clock' | 'log'>,
  ): Promise<VacantLeases> {
    const leases = await KvStore.open<LeaseRecord>(nats, 'leases');
    return new VacantLeases({ ...name, ...context, leases, nonce: randomUUID(), ttlMs: await leases.ttlMs() });
  }

  /**
   * Whether nobody has held the lease for a TTL, as far as this process has seen: to be asked again and again, more often
   * than once a TTL.
   * @throws {GatecastError} when NATS does not answer
   */
  async isVacant(fleet: string, partition: number): Promise<boolean> {
    const { leases, role, clock, ttlMs } = this.#options;
    const key = leaseKeyOf(role, fleet, partition);
    if (await leases.get(key)) {
      this.#missing.delete(key);
      return false;
    }
    const now = clock.monotonic();
    const before = this.#missing.get(key);
    const since = before && now - before.seenAt < ttlMs ? before.since : now;
    this.#missing.set(key, { since, seenAt: now });
    return now - since >= ttlMs;
  }

  /** Undefined: somebody was faster. @throws {GatecastError} when NATS does not answer */
  async take(fleet: string, partition: number): Promise<BriefLease | undefined> {
    const { leases, role, instance, nonce, clock, ttlMs, log } = this.#options;
    const key = leaseKeyOf(role, fleet, partition);
    const deadline = clock.monotonic() + ttlMs;
    try {
      const renewedAt = new Date(clock.now()).toISOString();
      const epoch = await leases.create(key, { instance, nonce, renewedAt });
      let isOver = false;
      return {
        epoch,
        isValid: () => !isOver && clock.monotonic() < deadline,
        async giveUp() {
          isOver = true;
          await leases.delete(key, epoch).catch((error) => log.warn({ err: error, key }, 'a lease is left to expire'));
        },
      };
    } catch (error) {
      if (isGatecastError(error, 'REVISION_CONFLICT')) return undefined;
      throw error;
    }
  }
}
