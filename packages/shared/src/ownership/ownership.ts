/** The right to act for a partition. */
export interface Lease {
  /** Revision of the lease's creation: higher than that of every owner before. Renewals do not change it. */
  readonly epoch: number;
  /** Name of the process that holds it. */
  readonly instance: string;
  /**
   * Whether this process may act now. To be asked right before every write to the outside: after a pause of the process
   * callbacks run before timers, so nothing that was decided earlier counts. False once the lease could not be renewed
   * in time ("passive fencing": stop acting, keep the sockets), and true again if it then turns out to be ours still.
   */
  isValid(): boolean;
  /**
   * Asks the leader whether the lease is still ours. To be awaited before anything that would answer a takeover: before
   * a session that ended unasked is opened again, and before a lost consumer is made again. While NATS does not answer
   * it says what `isValid()` says. Never rejects.
   */
  confirm(): Promise<boolean>;
  /**
   * To be called by whoever finds a durable record of a higher epoch: under this lease nothing can be done any more. It is
   * given up, so that a new epoch begins, here or elsewhere, after a moment; `lost` is called meanwhile. No effect if the
   * partition is not held by this lease.
   */
  giveUp(): void;
}

export interface OwnershipHandlers {
  /**
   * A partition is ours. Called again with a higher epoch for a partition that is held already when the lease had
   * expired and nobody else had taken it.
   */
  acquired(partition: number, lease: Lease): void;
  /** Another process owns the partition, or has owned it after us: stop acting and let go of everything. */
  lost(partition: number): Promise<void>;
  /** We are about to give the partition up: finish what is under way and record it. */
  release(partition: number): Promise<void>;
}

/** Says which partitions this process acts for. */
export interface Ownership {
  /** Begins to ask for partitions; resolves at once. */
  start(handlers: OwnershipHandlers): void;
  /** Planned handover of everything: releases each partition, then gives up its lease. */
  stop(): Promise<void>;
  /** Whether this process may act for the partition now. */
  owns(partition: number): boolean;
}

/** Value in the bucket `leases`. */
export interface LeaseRecord {
  instance: string;
  /** Tells this holder from a former, or another, process of the same name. */
  nonce: string;
  /** ISO 8601: the owner's heartbeat. */
  renewedAt: string;
}

/** Value in the bucket `members`. */
export interface MemberRecord {
  instance: string;
  nonce: string;
  /** ISO 8601. */
  startedAt: string;
}
