import { isGatecastError } from '../errors/index.ts';
import { type Clock, SharedRequest } from '../lifecycle/index.ts';
import type { Logger } from '../logging/index.ts';
import { type Departure, type KeyValueStore, type KeyValueView, keys, type Revisioned } from '../nats/index.ts';
import type { Acquisition, Answer } from './effects.ts';
import type { HeldLease } from './held-lease.ts';
import type { LeaseRecord, MemberRecord, Ownership, OwnershipHandlers } from './ownership.ts';
import { OwnershipCore } from './ownership-core.ts';
import { Releases } from './releases.ts';
import { ownershipTiming } from './timing.ts';

/** Key of the lease of a partition. */
export function leaseKeyOf(role: string, fleet: string, partition: number): string {
  return keys.lease(role, fleet, partition);
}

/** What happened, for metrics. */
export interface OwnershipObserver {
  acquired(how: Acquisition): void;
  lost(): void;
  /** A lease was given up because something durable is of a later epoch. */
  superseded(): void;
  handedOver(): void;
}

/** A bucket, to write it and to follow the part of it that belongs to this role and fleet. */
export interface Followed<T> {
  store: KeyValueStore<T>;
  view: KeyValueView<T>;
}

export interface PartitionOwnershipOptions {
  role: string;
  fleet: string;
  instance: string;
  /** Unique to this process. */
  nonce: string;
  partitions: number;
  members: Followed<MemberRecord>;
  leases: Followed<LeaseRecord>;
  /** TTL of the two buckets, ms. */
  ttlMs: number;
  /** Partitions that may be given away a second when a member comes or goes. */
  handoversPerSecond: number;
  /** Calls `listener` after each reconnect; returns how to stop that. */
  onReconnect?: (listener: () => void) => () => void;
  observer?: OwnershipObserver;
  clock: Clock;
  log: Logger;
}

/** Sessions are closed by the hundred otherwise. */
const PARALLEL_RELEASES = 32;

/** Shares the partitions of a fleet among the processes that serve it; see {@link OwnershipCore} for how. */
export class PartitionOwnership implements Ownership {
  readonly #options: PartitionOwnershipOptions;
  readonly #core: OwnershipCore;
  readonly #prefix: string;
  readonly #startedAt: string;
  readonly #reads = new Map<number, SharedRequest<Revisioned<LeaseRecord> | undefined>>();
  readonly #releases = new Releases(PARALLEL_RELEASES);
  readonly #unsubscribe: (() => void)[] = [];
  #handlers: OwnershipHandlers | undefined;
  #timer: { cancel(): void } | undefined;
  #isTickPlanned = false;
  #isLeaving = false;
  readonly #done = Promise.withResolvers<void>();
  #isStopped = false;

  constructor(options: PartitionOwnershipOptions) {
    const { instance, nonce, partitions, ttlMs, handoversPerSecond, clock, role, fleet } = options;
    this.#options = options;
    this.#prefix = `${role}.${fleet}.`;
    this.#startedAt = new Date(clock.now()).toISOString();
    const timing = ownershipTiming(ttlMs, handoversPerSecond);
    this.#core = new OwnershipCore({ instance, nonce, partitions, timing, clock, effects: this.#effects() });
  }

  start(handlers: OwnershipHandlers): void {
    const { members, leases, onReconnect } = this.#options;
    this.#handlers = handlers;
    for (const [key, record] of members.view.entries()) this.#memberChanged(key, record);
    for (const [key, record] of leases.view.entries()) this.#leaseChanged(key, record, undefined);
    this.#unsubscribe.push(
      members.view.onChange(({ key, current }) => this.#memberChanged(key, current)),
      leases.view.onChange(({ key, current, gone }) => this.#leaseChanged(key, current, gone)),
    );
    if (onReconnect) {
      this.#unsubscribe.push(
        onReconnect(() => {
          this.#core.reconnected();
          this.#planTick();
        }),
      );
    }
    this.#planTick();
  }

  owns(partition: number): boolean {
    return this.#core.owns(partition);
  }

  get held(): OwnershipCore['held'] {
    return this.#core.held;
  }

  /** Live members of the fleet, this one included. */
  get members(): number {
    return this.#core.members;
  }

  async stop(): Promise<void> {
    if (this.#handlers) {
      this.#core.leave();
      this.#planTick();
      this.#isLeaving = true;
      await this.#done.promise;
    }
    this.#isStopped = true;
    this.#timer?.cancel();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #memberChanged(key: string, current: Revisioned<MemberRecord> | undefined): void {
    if (!key.startsWith(this.#prefix)) return;
    const instance = key.slice(this.#prefix.length);
    if (current) this.#core.memberSeen(instance, current);
    else this.#core.memberGone(instance);
    this.#planTick();
  }

  #leaseChanged(key: string, current: Revisioned<LeaseRecord> | undefined, gone: Departure | undefined): void {
    if (!key.startsWith(this.#prefix)) return;
    const partition = Number(key.slice(this.#prefix.length));
    if (current) this.#core.leaseSeen(partition, current);
    else this.#core.leaseGone(partition, gone ?? 'missed');
    this.#planTick();
  }

  /** What arrives together is looked at together: a listing shows members and leases as they go, one by one. */
  #planTick(): void {
    if (this.#isTickPlanned || this.#isStopped) return;
    this.#isTickPlanned = true;
    queueMicrotask(() => {
      this.#isTickPlanned = false;
      this.#tick();
    });
  }

  #tick(): void {
    if (this.#isStopped) return;
    const { clock } = this.#options;
    this.#core.tick();
    if (this.#isLeaving && this.#core.isDone) this.#done.resolve();
    this.#timer?.cancel();
    this.#timer = undefined;
    const { wakeAt } = this.#core;
    if (wakeAt === Number.POSITIVE_INFINITY) return;
    this.#timer = clock.setTimeout(() => this.#tick(), Math.max(0, Math.ceil(wakeAt - clock.monotonic())));
  }

  #effects() {
    const { members, leases, role, fleet, instance, nonce, clock } = this.#options;
    const memberKey = keys.member(role, fleet, instance);
    const member = (): MemberRecord => ({ instance, nonce, startedAt: this.#startedAt });
    const lease = (): LeaseRecord => ({ instance, nonce, renewedAt: new Date(clock.now()).toISOString() });
    const leaseKey = (partition: number) => leaseKeyOf(role, fleet, partition);
    return {
      createMember: () => this.#askMember((askedAt) => written(members.store.create(memberKey, member()), askedAt)),
      updateMember: (revision: number) =>
        this.#askMember((askedAt) => written(members.store.update(memberKey, member(), revision), askedAt)),
      deleteMember: (revision: number) => this.#askMember(() => deleted(members.store.delete(memberKey, revision))),
      readMember: () => this.#askMember(() => found(members.store.get(memberKey))),
      createLease: (partition: number) =>
        this.#askLease(partition, (askedAt) => written(leases.store.create(leaseKey(partition), lease()), askedAt)),
      renewLease: (partition: number, revision: number) =>
        this.#askLease(partition, (askedAt) =>
          written(leases.store.update(leaseKey(partition), lease(), revision), askedAt),
        ),
      deleteLease: (partition: number, revision: number) =>
        this.#askLease(partition, () => deleted(leases.store.delete(leaseKey(partition), revision))),
      readLease: (partition: number) => this.#askLease(partition, () => found(leases.store.get(leaseKey(partition)))),
      confirm: (held: HeldLease) => this.#confirm(held),
      giveUp: (held: HeldLease) => {
        this.#core.giveUp(held);
        this.#planTick();
      },
      acquired: (held: HeldLease, how: Acquisition) => this.#acquired(held, how),
      lost: (partition: number) => void this.#lost(partition),
      superseded: (partition: number) => void this.#superseded(partition),
      release: (partition: number) => void this.#release(partition),
      nameTaken: (by: MemberRecord, isAlive: boolean) => this.#nameTaken(by, isAlive),
    };
  }

  #askMember(request: (askedAt: number) => Promise<Answer<MemberRecord>>): void {
    void this.#outcome(request).then((answer) => {
      this.#core.memberAnswer(answer);
      this.#planTick();
    });
  }

  #askLease(partition: number, request: (askedAt: number) => Promise<Answer<LeaseRecord>>): void {
    void this.#outcome(request).then((answer) => {
      this.#core.leaseAnswer(partition, answer);
      this.#planTick();
    });
  }

  async #outcome<T>(request: (askedAt: number) => Promise<Answer<T>>): Promise<Answer<T>> {
    const { clock, log, role, fleet } = this.#options;
    try {
      return await request(clock.monotonic());
    } catch (error) {
      if (!isGatecastError(error)) throw error;
      if (error.code === 'REVISION_CONFLICT') return { kind: 'conflict' };
      log.warn({ err: error, role, fleet }, 'could not ask for the ownership of partitions');
      return { kind: 'failed' };
    }
  }

  async #confirm(held: HeldLease): Promise<boolean> {
    const { leases, role, fleet, nonce, log } = this.#options;
    const { partition } = held;
    let read = this.#reads.get(partition);
    if (!read) {
      read = new SharedRequest(() => leases.store.get(leaseKeyOf(role, fleet, partition)));
      this.#reads.set(partition, read);
    }
    try {
      const current = await read.get();
      const isOurs = current?.value.nonce === nonce;
      if (!isOurs && held.isValid()) {
        this.#core.leaseFound(partition, current);
        this.#planTick();
      }
      return isOurs && held.isValid();
    } catch (error) {
      if (!isGatecastError(error)) throw error;
      log.debug({ err: error, partition }, 'could not confirm the lease');
      return held.isValid();
    }
  }

  #acquired(held: HeldLease, how: Acquisition): void {
    const { log, role, fleet, observer } = this.#options;
    const { partition, epoch } = held;
    log.info({ role, fleet, partition, epoch, after: how.after, gapMs: how.gapMs }, 'partition acquired');
    observer?.acquired(how);
    this.#handlers?.acquired(partition, held);
  }

  async #lost(partition: number): Promise<void> {
    const { log, role, fleet, observer } = this.#options;
    log.warn({ role, fleet, partition }, 'another process owns the partition now');
    observer?.lost();
    await this.#let(partition, this.#handlers?.lost(partition));
  }

  async #superseded(partition: number): Promise<void> {
    const { log, role, fleet, observer } = this.#options;
    const code = 'EPOCH_SUPERSEDED';
    log.error({ code, role, fleet, partition }, 'a record of the partition is of a later epoch: giving up the lease');
    observer?.superseded();
    await this.#let(partition, this.#handlers?.lost(partition));
  }

  async #release(partition: number): Promise<void> {
    const { log, role, fleet, observer } = this.#options;
    await this.#releases.run(async () => {
      await this.#let(partition, this.#handlers?.release(partition));
      log.info({ role, fleet, partition }, 'partition handed over');
      observer?.handedOver();
    });
  }

  async #let(partition: number, going: Promise<void> | undefined): Promise<void> {
    try {
      await going;
    } catch (error) {
      this.#options.log.error({ err: error, partition }, 'could not let go of the partition in order');
    }
    this.#core.letGo(partition);
    this.#planTick();
  }

  #nameTaken(by: MemberRecord, isAlive: boolean): void {
    const { log, role, fleet, instance } = this.#options;
    const facts = { role, fleet, instance, startedAt: by.startedAt };
    if (isAlive) {
      log.error(
        { ...facts, code: 'INSTANCE_NAME_TAKEN' },
        'another process has this name (GATECAST_INSTANCE): waiting',
      );
    } else {
      log.warn(facts, 'a process of this name is still registered: waiting until its entry has expired');
    }
  }
}

async function written(writing: Promise<number>, askedAt: number): Promise<Answer<never>> {
  return { kind: 'written', revision: await writing, askedAt };
}

async function deleted(deleting: Promise<void>): Promise<Answer<never>> {
  await deleting;
  return { kind: 'deleted' };
}

async function found<T>(reading: Promise<Revisioned<T> | undefined>): Promise<Answer<T>> {
  return { kind: 'found', found: await reading };
}
