import { keys } from '../../../src/nats/index.ts';
import type { LeaseAnswer, MemberAnswer } from '../../../src/ownership/effects.ts';
import type { HeldLease } from '../../../src/ownership/held-lease.ts';
import type { Lease, LeaseRecord, MemberRecord } from '../../../src/ownership/index.ts';
import { OwnershipCore } from '../../../src/ownership/ownership-core.ts';
import { FLEET, PARTITIONS, ROLE, TIMING, type Variant } from './parameters.ts';
import type { Connection } from './simulated-broker.ts';
import type { BucketOutcome } from './simulated-bucket.ts';
import { SimulatedSession } from './simulated-session.ts';
import { SimulatedView } from './simulated-view.ts';
import type { World } from './world.ts';

const TIMEOUT_MS = TIMING.ttlMs / 2;

/** One process: the real decisions, between a network that loses and delays and a clock of its own. */
export class SimulatedProcess {
  readonly instance: string;
  readonly nonce: string;
  readonly core: OwnershipCore;
  readonly variant: Variant;
  readonly #world: World;
  readonly #clockOffset: number;
  readonly #sessions = new Map<number, SimulatedSession>();
  readonly #views: { relist(): void; stop(): void }[];
  readonly #leases = new Map<number, HeldLease>();
  /** What would have run while the process stood still. */
  #deferred: (() => void)[] | undefined;
  #isCut = false;
  #isDead = false;
  #isLeaving = false;
  #plannedWake = Number.POSITIVE_INFINITY;

  constructor(world: World, instance: string, nonce: string) {
    this.#world = world;
    this.instance = instance;
    this.nonce = nonce;
    this.variant = world.variant;
    this.#clockOffset = Math.floor(world.random() * 1e6);
    this.core = new OwnershipCore({
      ...{ instance, nonce, partitions: PARTITIONS, timing: TIMING },
      clock: { monotonic: () => world.scheduler.now + this.#clockOffset },
      effects: this.#effects(),
    });
    const prefix = `${ROLE}.${FLEET}.`;
    const members = new SimulatedView<MemberRecord>(world, this, world.members, (key, current) => {
      if (current) this.core.memberSeen(key.slice(prefix.length), current);
      else this.core.memberGone(key.slice(prefix.length));
    });
    const leases = new SimulatedView<LeaseRecord>(world, this, world.leases, (key, current, gone) => {
      const partition = Number(key.slice(prefix.length));
      if (current) this.core.leaseSeen(partition, current);
      else this.core.leaseGone(partition, gone ?? 'missed');
    });
    this.#views = [members, leases];
    this.tick();
  }

  get isUp(): boolean {
    return !this.#isDead && !this.#isLeaving;
  }

  get canReachNats(): boolean {
    return !this.#isDead && !this.#isCut;
  }

  isConnected(partition: number): boolean {
    return this.#sessions.get(partition)?.isConnected ?? false;
  }

  /** Runs `fn` in this process: not before it goes on when it stands still, and never when it is dead. */
  run(fn: () => void): void {
    if (this.#isDead) return;
    if (this.#deferred) this.#deferred.push(fn);
    else fn();
  }

  later(ms: number, fn: () => void): void {
    this.#world.scheduler.after(ms, () => this.run(fn));
  }

  fromBroker(fn: () => void): void {
    this.#world.scheduler.after(this.#world.latency(), () => this.run(fn));
  }

  tick(): void {
    if (this.#isDead) return;
    this.core.tick();
    const wakeAt = this.core.wakeAt - this.#clockOffset;
    const { scheduler } = this.#world;
    if (wakeAt === Number.POSITIVE_INFINITY || (this.#plannedWake > scheduler.now && this.#plannedWake <= wakeAt))
      return;
    this.#plannedWake = wakeAt;
    this.later(Math.max(0.01, wakeAt - scheduler.now), () => this.tick());
  }

  pause(ms: number): void {
    if (this.#deferred || this.#isDead) return;
    this.#deferred = [];
    this.#world.scheduler.after(ms, () => {
      const deferred = this.#deferred ?? [];
      this.#deferred = undefined;
      // What comes first after a pause, timers or sockets, nobody knows.
      while (deferred.length > 0) {
        const index = this.#world.random() < 0.7 ? 0 : Math.floor(this.#world.random() * deferred.length);
        this.run(deferred.splice(index, 1)[0]!);
      }
    });
  }

  cut(ms: number): void {
    this.#isCut = true;
    this.#world.scheduler.after(ms, () => {
      this.#isCut = false;
      this.run(() => {
        this.core.reconnected();
        for (const view of this.#views) view.relist();
        this.tick();
      });
    });
  }

  /** A record of a later epoch was found, or so it seemed. */
  giveUp(partition: number): void {
    this.run(() => this.#leases.get(partition)?.giveUp());
  }

  kill(): void {
    this.#isDead = true;
    for (const view of this.#views) view.stop();
  }

  /** Planned stop. */
  leave(): void {
    this.run(() => {
      this.#isLeaving = true;
      this.core.leave();
      this.tick();
    });
  }

  writeConnect(connection: Connection): void {
    const { scheduler } = this.#world;
    const writtenAt = scheduler.now;
    this.#world.written(this, connection.partition, connection.lease, 'CONNECT');
    scheduler.after(this.#world.latency(), () => {
      this.#world.brokers[connection.partition]?.connect(connection, writtenAt);
    });
  }

  writePublish(connection: Connection): void {
    this.#world.written(this, connection.partition, connection.lease, 'PUBLISH');
    this.#world.scheduler.after(this.#world.latency(), () => {
      this.#world.brokers[connection.partition]?.publish(connection);
    });
  }

  hangUp(connection: Connection): void {
    this.#world.scheduler.after(this.#world.latency(), () => {
      this.#world.brokers[connection.partition]?.closed(connection);
    });
  }

  /** As the driver does it: what the leader says, or the lease's deadline when it does not answer. */
  confirm(lease: Lease, partition: number, decided: (isOurs: boolean) => void): void {
    if (!lease.isValid()) {
      decided(false);
      return;
    }
    this.#request<LeaseAnswer>(
      () => ({ kind: 'found', found: this.#world.leases.get(keys.lease(ROLE, FLEET, partition)) }),
      (answer) => {
        if (answer.kind !== 'found') {
          decided(lease.isValid());
          return;
        }
        const isOurs = answer.found?.value.nonce === this.nonce;
        if (!isOurs && lease.isValid()) {
          this.core.leaseFound(partition, answer.found);
          this.tick();
        }
        decided(isOurs && lease.isValid());
      },
    );
  }

  #effects() {
    const { members, leases } = this.#world;
    const { instance, nonce } = this;
    const key = keys.member(ROLE, FLEET, instance);
    const record = { instance, nonce, startedAt: '' };
    const lease = { instance, nonce, renewedAt: '' };
    const of = (partition: number) => keys.lease(ROLE, FLEET, partition);
    return {
      createMember: () => this.#askMember(() => members.create(key, record)),
      updateMember: (revision: number) => this.#askMember(() => members.update(key, record, revision)),
      deleteMember: (revision: number) => this.#askMember(() => members.delete(key, revision)),
      readMember: () => this.#askMember(() => ({ kind: 'found', found: members.get(key) })),
      createLease: (partition: number) => this.#askLease(partition, () => leases.create(of(partition), lease)),
      renewLease: (partition: number, revision: number) =>
        this.#askLease(partition, () => leases.update(of(partition), lease, revision)),
      deleteLease: (partition: number, revision: number) =>
        this.#askLease(partition, () => leases.delete(of(partition), revision)),
      readLease: (partition: number) =>
        this.#askLease(partition, () => ({ kind: 'found', found: leases.get(of(partition)) })),
      confirm: () => Promise.reject(new Error('nobody waits in simulated time')),
      giveUp: (held: HeldLease) => {
        this.core.giveUp(held);
        this.tick();
      },
      superseded: (partition: number) => this.#letGo(partition, 0),
      acquired: (held: HeldLease) => this.#acquired(held),
      lost: (partition: number) => this.#letGo(partition, 0),
      release: (partition: number) => this.#letGo(partition, 10),
      nameTaken: () => {},
    };
  }

  #askMember(request: () => BucketOutcome | MemberAnswer): void {
    this.#request<MemberAnswer>(request, (answer) => {
      this.core.memberAnswer(answer);
      this.tick();
    });
  }

  #askLease(partition: number, request: () => BucketOutcome | LeaseAnswer): void {
    this.#request<LeaseAnswer>(request, (answer) => {
      this.core.leaseAnswer(partition, answer);
      this.tick();
    });
  }

  /** The request may be lost or late, and so may its answer; whoever asked has given up then, and the server may not. */
  #request<A>(request: () => BucketOutcome | A, answered: (answer: A) => void): void {
    const world = this.#world;
    const { scheduler } = world;
    const askedAt = scheduler.now;
    let isOpen = true;
    const answer = (outcome: BucketOutcome | A | { kind: 'failed' }) =>
      this.run(() => {
        if (!isOpen) return;
        isOpen = false;
        const at = world.variant === 'deadline from the answer' ? scheduler.now : askedAt;
        answered({ ...outcome, askedAt: at + this.#clockOffset } as A);
      });
    scheduler.after(TIMEOUT_MS, () => answer({ kind: 'failed' }));
    if (!this.canReachNats || world.isLost()) return;
    scheduler.after(world.natsLatency(), () => {
      const outcome = request();
      if (!this.canReachNats || world.isLost()) return;
      scheduler.after(world.natsLatency(), () => answer(outcome));
    });
  }

  #acquired(held: HeldLease): void {
    const { partition } = held;
    this.#leases.set(partition, held);
    const isUndisturbed = this.#world.acquired(this, held);
    const session = this.#sessions.get(partition);
    if (session && isUndisturbed) {
      session.reacquired(held);
      return;
    }
    session?.end();
    const next = new SimulatedSession(this, partition, held);
    this.#sessions.set(partition, next);
    next.start();
  }

  #letGo(partition: number, ms: number): void {
    this.#sessions.get(partition)?.end();
    this.#sessions.delete(partition);
    this.later(ms, () => {
      this.core.letGo(partition);
      this.tick();
    });
  }
}
