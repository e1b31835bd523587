import type { Revisioned } from '../nats/index.ts';
import type { HeldLease } from './held-lease.ts';
import type { LeaseRecord, MemberRecord } from './ownership.ts';

/** Outcome of a request to the store. */
export type Answer<T> =
  /** `askedAt`: monotonic time before the request was sent, ms. */
  | { kind: 'written'; revision: number; askedAt: number }
  | { kind: 'deleted' }
  | { kind: 'found'; found: Revisioned<T> | undefined }
  /** The key exists, or is not at the expected revision. */
  | { kind: 'conflict' }
  /** Not done, or nobody knows. */
  | { kind: 'failed' };

export type LeaseAnswer = Answer<LeaseRecord>;
export type MemberAnswer = Answer<MemberRecord>;

/** How a partition came to be ours. */
export interface Acquisition {
  /**
   * - `free`: nobody was seen to have it before.
   * - `handover`: its owner gave it up.
   * - `expiry`: its owner went silent.
   * - `again`: ours had expired and nobody else had taken it.
   */
  after: 'free' | 'handover' | 'expiry' | 'again';
  /** Since the last sign of life of the owner before, ms; undefined when there was none. */
  gapMs: number | undefined;
}

/**
 * What the decisions of {@link OwnershipCore} lead to. Each request is answered by one call of the core's `memberAnswer`
 * or `leaseAnswer`, later, never from within; there is never more than one on its way for the member, and for a lease.
 */
export interface OwnershipEffects {
  createMember(): void;
  updateMember(revision: number): void;
  deleteMember(revision: number): void;
  readMember(): void;
  createLease(partition: number): void;
  renewLease(partition: number, revision: number): void;
  deleteLease(partition: number, revision: number): void;
  readLease(partition: number): void;
  /** Asks the leader whether a lease is still ours. */
  confirm(lease: HeldLease): Promise<boolean>;
  /** A handler has found a later epoch. To be answered by the core's `giveUp`. */
  giveUp(lease: HeldLease): void;
  acquired(lease: HeldLease, how: Acquisition): void;
  /** To be answered by `letGo`. */
  lost(partition: number): void;
  /** The lease is given up because of a later epoch. To be answered by `letGo`. */
  superseded(partition: number): void;
  /** To be answered by `letGo`. */
  release(partition: number): void;
  /** Another process has our name. `isAlive`: it goes on renewing its entry, so it is not a former life of ours. */
  nameTaken(by: MemberRecord, isAlive: boolean): void;
}
