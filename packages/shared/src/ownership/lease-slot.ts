import type { Clock } from '../lifecycle/index.ts';
import type { Departure, Revisioned } from '../nats/index.ts';
import { ClaimBackoff } from './claim-backoff.ts';
import type { Acquisition, LeaseAnswer, OwnershipEffects } from './effects.ts';
import { HeldLease } from './held-lease.ts';
import { LeaseSight } from './lease-sight.ts';
import type { Membership } from './membership.ts';
import type { LeaseRecord } from './ownership.ts';
import type { OwnershipTiming } from './timing.ts';

export interface LeaseSlotOptions {
  instance: string;
  nonce: string;
  timing: OwnershipTiming;
  clock: Pick<Clock, 'monotonic'>;
  effects: OwnershipEffects;
  membership: Membership;
}

/**
 * - `idle`: the partition is nobody's business here.
 * - `held`: it is ours, as far as we know.
 * - `expired`: our lease is gone and nobody was seen to have taken it; sessions are kept.
 * - `releasing`: the planned handover is under way; the lease is kept meanwhile.
 * - `deleting`: it is handed over but for the lease.
 * - `losing`: another process has it, and ours is letting go.
 */
type SlotState = 'idle' | 'held' | 'expired' | 'releasing' | 'deleting' | 'losing';

type SlotRequest = 'create' | 'renew' | 'adopt' | 'delete' | 'read';

const AGAIN: Acquisition = { after: 'again', gapMs: undefined };

/** What this process knows and does about the lease of one partition. One request at a time. */
export class LeaseSlot {
  readonly partition: number;
  readonly #options: LeaseSlotOptions;
  #state: SlotState = 'idle';
  #lease: HeldLease | undefined;
  #request: SlotRequest | undefined;
  /** Somebody has to ask the leader what is true. */
  #isInDoubt = false;
  #notBefore = Number.NEGATIVE_INFINITY;
  #renewAt = Number.NEGATIVE_INFINITY;
  #isLeaving = false;
  readonly #backoff: ClaimBackoff;
  readonly #sight: LeaseSight;

  constructor(partition: number, options: LeaseSlotOptions) {
    this.partition = partition;
    this.#options = options;
    this.#backoff = new ClaimBackoff(options.timing);
    const { nonce, timing, clock, membership } = options;
    this.#sight = new LeaseSight({ partition, nonce, timing, clock, membership });
  }

  get isHeld(): boolean {
    return this.#state === 'held';
  }

  get isValid(): boolean {
    return this.#lease?.isValid() ?? false;
  }

  /** Whether nothing of ours is left, and nothing on its way. */
  get isDone(): boolean {
    return this.#state === 'idle' && this.#request === undefined;
  }

  /** When there is something to do again without any event, monotonic ms. */
  get wakeAt(): number {
    if (this.#request) return Number.POSITIVE_INFINITY;
    return Math.max(this.#notBefore, this.#dueAt());
  }

  /** All renewals of a process go out together. */
  joinRound(): void {
    this.#renewAt = Number.NEGATIVE_INFINITY;
  }

  /** NATS is back: no more waiting. */
  renewNow(): void {
    this.#notBefore = Number.NEGATIVE_INFINITY;
    this.#renewAt = Number.NEGATIVE_INFINITY;
  }

  /** Goes on with what can be done now. */
  step(): void {
    if (this.#request || this.#options.clock.monotonic() < this.#notBefore) return;
    if (this.#isInDoubt) {
      this.#ask('read');
      return;
    }
    if (this.#options.clock.monotonic() < this.#dueAt()) return;
    switch (this.#state) {
      case 'idle':
        if (this.#sight.isOurs) this.#ask('adopt');
        else this.#ask(this.#sight.revision === undefined ? 'create' : 'read');
        break;
      case 'expired':
        this.#ask(this.#sight.isOurs ? 'adopt' : 'create');
        break;
      case 'held':
      case 'releasing':
        this.#ask('renew');
        break;
      case 'deleting':
        this.#ask('delete');
        break;
      case 'losing':
        break;
    }
  }

  seen(record: Revisioned<LeaseRecord>): void {
    const { revision } = record;
    if (revision <= (this.#sight.revision ?? 0)) return;
    this.#sight.seen(record);
    if (this.#sight.isOurs) return;
    // The bucket has one history: a later lease of another means that ours has ended.
    if (this.#lease && revision > this.#lease.revision) this.#supersede();
  }

  gone(how: Departure): void {
    if (this.#sight.gone(how) && this.#state === 'held') this.#isInDoubt = true;
  }

  answered(answer: LeaseAnswer): void {
    const request = this.#request;
    this.#request = undefined;
    switch (answer.kind) {
      case 'written':
        this.#written(request, answer.revision, answer.askedAt);
        break;
      case 'found':
        this.#isInDoubt = false;
        this.found(answer.found);
        break;
      case 'conflict':
        if (request === 'delete') this.#ended();
        else this.#ask('read');
        break;
      case 'deleted':
        this.#ended();
        break;
      case 'failed':
        this.#failed(request);
        break;
    }
  }

  /** The leader has said what is true. */
  found(found: Revisioned<LeaseRecord> | undefined): void {
    if (!found) {
      this.gone('missed');
      this.#isInDoubt = false;
      if (this.#state === 'held') this.#state = 'expired';
      if (this.#state === 'deleting') this.#ended();
      this.#lease?.end();
      return;
    }
    if (this.#lease && found.revision < this.#lease.revision) return; // asked for by others, before it was ours
    this.#sight.seen(found);
    if (!this.#sight.isOurs) {
      this.#supersede();
      return;
    }
    const lease = this.#lease;
    if (!lease) return;
    this.#renewAt = Number.NEGATIVE_INFINITY;
    // A renewal whose outcome was unknown: the next one says until when.
    if (lease.isValid()) lease.revision = found.revision;
    // Or a creation that came late, and others may have acted in between: that is a new epoch.
    else if (lease.revision !== found.revision) {
      lease.end();
      if (this.#state === 'held') this.#state = 'expired';
    }
  }

  /** Begins the planned handover. */
  release(): void {
    if (this.#state !== 'held' && this.#state !== 'expired') return;
    this.#state = 'releasing';
    this.#options.effects.release(this.partition);
  }

  /** Under this lease nothing can be done any more. */
  giveUp(lease: HeldLease): void {
    if (lease !== this.#lease || (this.#state !== 'held' && this.#state !== 'expired')) return;
    this.#backoff.gaveUp(this.#options.clock.monotonic());
    this.#state = 'releasing';
    this.#options.effects.superseded(this.partition);
  }

  /** The handlers have let go, after `release` or `lost`. */
  letGo(): void {
    if (this.#state === 'losing' || !this.#lease?.isValid()) this.#ended();
    else if (this.#state === 'releasing') this.#state = 'deleting';
  }

  /** Gives up what is held; nothing is taken any more. */
  leave(): void {
    this.#isLeaving = true;
    this.release();
  }

  /** When the next request is due, by the state alone. */
  #dueAt(): number {
    if (this.#isInDoubt) return Number.NEGATIVE_INFINITY;
    switch (this.#state) {
      case 'idle':
        return this.#isLeaving ? Number.POSITIVE_INFINITY : Math.max(this.#backoff.until, this.#sight.claimableAt());
      case 'held':
        return this.#renewAt;
      case 'releasing':
        return this.#lease?.isValid() ? this.#renewAt : Number.POSITIVE_INFINITY;
      case 'expired':
      case 'deleting':
        return Number.NEGATIVE_INFINITY;
      case 'losing':
        return Number.POSITIVE_INFINITY;
    }
  }

  #written(request: SlotRequest | undefined, revision: number, askedAt: number): void {
    const { timing, instance, effects, clock } = this.#options;
    const deadline = askedAt + timing.ttlMs;
    this.#renewAt = askedAt + timing.renewMs;
    if (request === 'renew') {
      this.#lease?.renewed(revision, deadline);
      return;
    }
    if (clock.monotonic() >= deadline) {
      // Answered after a pause: it may be another's by now.
      this.#isInDoubt = true;
      return;
    }
    const how = this.#state === 'expired' ? AGAIN : this.#sight.acquisition();
    this.#lease?.end();
    const lease = new HeldLease({
      ...{ partition: this.partition, epoch: revision, instance, clock },
      confirm: (held) => effects.confirm(held),
      giveUp: (held) => effects.giveUp(held),
    });
    lease.renewed(revision, deadline);
    this.#lease = lease;
    if (this.#isLeaving) {
      // Asked for before, answered after. Nobody was told of it, unless of a former one.
      if (this.#state !== 'releasing') this.#state = 'deleting';
      return;
    }
    if (this.#state === 'losing' || this.#state === 'releasing') return;
    this.#state = 'held';
    effects.acquired(lease, how);
  }

  #failed(request: SlotRequest | undefined): void {
    this.#notBefore = this.#options.clock.monotonic() + this.#options.timing.retryMs;
    if (request === 'create' || request === 'adopt' || request === 'read') this.#isInDoubt = true;
    if (request !== 'delete') return;
    // Whoever leaves does not wait for NATS: the lease expires by itself.
    if (this.#isLeaving) this.#ended();
    else this.#isInDoubt = true;
  }

  #supersede(): void {
    this.#lease?.end();
    if (this.#state === 'deleting') this.#ended();
    if (this.#state !== 'held' && this.#state !== 'expired') return;
    this.#state = 'losing';
    this.#options.effects.lost(this.partition);
  }

  #ended(): void {
    this.#lease?.end();
    this.#lease = undefined;
    this.#state = 'idle';
  }

  #ask(request: SlotRequest): void {
    const { effects } = this.#options;
    const { partition } = this;
    this.#request = request;
    switch (request) {
      case 'create':
        effects.createLease(partition);
        break;
      case 'read':
        effects.readLease(partition);
        break;
      case 'delete':
        effects.deleteLease(partition, this.#lease?.revision ?? 0);
        break;
      case 'renew':
        effects.renewLease(partition, this.#lease?.revision ?? 0);
        break;
      case 'adopt':
        effects.renewLease(partition, this.#sight.revision ?? 0);
        break;
    }
  }
}
