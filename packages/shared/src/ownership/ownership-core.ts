import type { Clock } from '../lifecycle/index.ts';
import type { Departure, Revisioned } from '../nats/index.ts';
import type { LeaseAnswer, MemberAnswer, OwnershipEffects } from './effects.ts';
import type { HeldLease } from './held-lease.ts';
import { LeaseSlot } from './lease-slot.ts';
import { Membership } from './membership.ts';
import type { LeaseRecord, MemberRecord } from './ownership.ts';
import type { OwnershipTiming } from './timing.ts';

export interface OwnershipCoreOptions {
  instance: string;
  /** Unique to this process. */
  nonce: string;
  partitions: number;
  timing: OwnershipTiming;
  clock: Pick<Clock, 'monotonic'>;
  effects: OwnershipEffects;
}

/**
 * Decides about the ownership of a fleet's partitions: no I/O, no timers, nothing asynchronous. It is told what was seen
 * and answered, says by its effects what is to be done, and in `wakeAt` when it wants to be asked again. `tick` after
 * everything that it was told.
 */
export class OwnershipCore {
  readonly #options: OwnershipCoreOptions;
  readonly #membership: Membership;
  readonly #slots: LeaseSlot[];
  #nextHandoverAt = Number.NEGATIVE_INFINITY;
  #isLeaving = false;

  constructor(options: OwnershipCoreOptions) {
    const { instance, nonce, partitions, timing, clock, effects } = options;
    this.#options = options;
    const membership = new Membership({ instance, nonce, timing, clock, effects });
    this.#membership = membership;
    this.#slots = Array.from(
      { length: partitions },
      (_, partition) => new LeaseSlot(partition, { instance, nonce, timing, clock, effects, membership }),
    );
  }

  /** Live members, this one included. */
  get members(): number {
    return this.#membership.size;
  }

  /** Partitions that are held; of them, those whose lease is valid now, and those that go to another process by and by. */
  get held(): { partitions: number; valid: number; misplaced: number } {
    const held = this.#slots.filter((slot) => slot.isHeld);
    const count = (condition: (slot: LeaseSlot) => boolean) => held.filter(condition).length;
    return {
      partitions: held.length,
      valid: count((slot) => slot.isValid),
      misplaced: count((slot) => this.#isMisplaced(slot)),
    };
  }

  /** Whether everything is given up, after `leave`. */
  get isDone(): boolean {
    return this.#membership.isDone && this.#slots.every((slot) => slot.isDone);
  }

  /** When `tick` is to be called if nothing happens before, monotonic ms. */
  get wakeAt(): number {
    let wakeAt = Math.min(this.#membership.wakeAt, this.#rebalanceAt());
    for (const slot of this.#slots) wakeAt = Math.min(wakeAt, slot.wakeAt);
    return wakeAt;
  }

  owns(partition: number): boolean {
    const slot = this.#slots[partition];
    return slot?.isHeld === true && slot.isValid;
  }

  memberSeen(instance: string, record: Revisioned<MemberRecord>): void {
    this.#membership.seen(instance, record);
  }

  memberGone(instance: string): void {
    this.#membership.gone(instance);
  }

  leaseSeen(partition: number, record: Revisioned<LeaseRecord>): void {
    this.#slots[partition]?.seen(record);
  }

  leaseGone(partition: number, how: Departure): void {
    this.#slots[partition]?.gone(how);
  }

  memberAnswer(answer: MemberAnswer): void {
    this.#membership.answered(answer);
  }

  leaseAnswer(partition: number, answer: LeaseAnswer): void {
    this.#slots[partition]?.answered(answer);
  }

  /** The leader was asked by somebody else, and has said what is true. */
  leaseFound(partition: number, found: Revisioned<LeaseRecord> | undefined): void {
    this.#slots[partition]?.found(found);
  }

  /** The handlers have let go of a partition, after `lost` or `release`. */
  letGo(partition: number): void {
    this.#slots[partition]?.letGo();
  }

  /** Under this lease nothing can be done any more: something durable is of a later epoch. */
  giveUp(lease: HeldLease): void {
    this.#slots[lease.partition]?.giveUp(lease);
  }

  /** The store may have lost or expired anything meanwhile: looks at once at what is ours. */
  reconnected(): void {
    this.#membership.verify();
    for (const slot of this.#slots) slot.renewNow();
  }

  /** Planned end: hands everything over. */
  leave(): void {
    this.#isLeaving = true;
    this.#membership.leave();
    for (const slot of this.#slots) slot.leave();
  }

  /** Does what is due. */
  tick(): void {
    // The own entry first: it must not outlive the leases, or the others would wait for us to claim them.
    const isRound = this.#membership.tick();
    for (const slot of this.#slots) {
      if (isRound) slot.joinRound();
      slot.step();
    }
    this.#rebalance();
  }

  /** Gives one partition to the member that should own it. */
  #rebalance(): void {
    const now = this.#options.clock.monotonic();
    if (now < this.#rebalanceAt()) return;
    const misplaced = this.#slots.find((slot) => this.#isMisplaced(slot));
    if (!misplaced) return;
    this.#nextHandoverAt = now + this.#options.timing.handoverMs;
    misplaced.release();
  }

  #rebalanceAt(): number {
    if (this.#isLeaving || !this.#slots.some((slot) => this.#isMisplaced(slot))) return Number.POSITIVE_INFINITY;
    return Math.max(this.#membership.stableAt, this.#nextHandoverAt);
  }

  #isMisplaced(slot: LeaseSlot): boolean {
    if (!slot.isHeld || !slot.isValid) return false;
    const owner = this.#membership.ownerOf(slot.partition);
    return owner !== undefined && !this.#membership.shouldOwn(slot.partition);
  }
}
