import type { Clock } from '../lifecycle/index.ts';
import type { Revisioned } from '../nats/index.ts';
import type { MemberAnswer, OwnershipEffects } from './effects.ts';
import type { MemberRecord } from './ownership.ts';
import { rendezvousOwner } from './rendezvous.ts';
import type { OwnershipTiming } from './timing.ts';

export interface MembershipOptions {
  instance: string;
  nonce: string;
  timing: OwnershipTiming;
  clock: Pick<Clock, 'monotonic'>;
  effects: Pick<OwnershipEffects, 'createMember' | 'updateMember' | 'deleteMember' | 'readMember' | 'nameTaken'>;
}

/** Who is there, and this process's own entry among them. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #others = new Map<string, { nonce: string; revision: number }>();
  readonly #owners = new Map<number, string | undefined>();
  /** Revision of our entry; undefined: we have none, as far as we know. */
  #own: number | undefined;
  #request: 'create' | 'update' | 'read' | 'delete' | undefined;
  #dueAt: number;
  #isLeaving = false;
  /** Our entry may be gone, or NATS away: nothing is claimed or given away until the server has answered. */
  #isInDoubt = false;
  /** Whether we have been a member before. */
  #wasMember = false;
  /** Revision of the entry of another process that has our name. */
  #namesake: number | undefined;
  #settledAt = Number.POSITIVE_INFINITY;
  #changedAt: number;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#dueAt = options.clock.monotonic();
    this.#changedAt = this.#dueAt;
  }

  /** Whether our entry is there, and has been for so long that others who started with us have shown themselves. */
  get isSettled(): boolean {
    return this.isMember && !this.#isInDoubt && this.#options.clock.monotonic() >= this.#settledAt;
  }

  get isMember(): boolean {
    return this.#own !== undefined && !this.#isLeaving;
  }

  /** Whether nothing of ours is on its way. */
  get isDone(): boolean {
    return this.#request === undefined;
  }

  /** Live members, this one included. */
  get size(): number {
    return this.#others.size + (this.isMember ? 1 : 0);
  }

  /** When nobody will have come or gone for long enough to move partitions for it, monotonic ms. */
  get stableAt(): number {
    if (this.#isInDoubt) return Number.POSITIVE_INFINITY; // while NATS is away nobody could take them
    return this.#changedAt + this.#options.timing.stableMs;
  }

  /** When there is something to do again, monotonic ms. */
  get wakeAt(): number {
    const heartbeatAt = this.#request || this.#isLeaving ? Number.POSITIVE_INFINITY : this.#dueAt;
    const isSettling = this.isMember && !this.#isInDoubt && !this.isSettled;
    const settledAt = isSettling ? this.#settledAt : Number.POSITIVE_INFINITY;
    return Math.min(heartbeatAt, settledAt);
  }

  /** Whether exactly this process, not only one of its name, is there. */
  isLive(instance: string, nonce: string): boolean {
    return this.#others.get(instance)?.nonce === nonce;
  }

  /** Who should own a partition. Undefined: nobody is there. */
  ownerOf(partition: number): string | undefined {
    if (!this.#owners.has(partition)) this.#owners.set(partition, rendezvousOwner(String(partition), this.#names()));
    return this.#owners.get(partition);
  }

  shouldOwn(partition: number): boolean {
    return this.isMember && this.ownerOf(partition) === this.#options.instance;
  }

  seen(instance: string, { value, revision }: Revisioned<MemberRecord>): void {
    if (value.nonce === this.#options.nonce) return;
    const before = this.#others.get(instance);
    if (before && before.revision >= revision) return;
    this.#others.set(instance, { nonce: value.nonce, revision });
    if (before?.nonce !== value.nonce) this.#changed();
  }

  gone(instance: string): void {
    if (this.#others.delete(instance)) this.#changed();
    // Either a namesake has left, or ours has expired: see what is true.
    if (instance === this.#options.instance) this.verify();
  }

  /** Our entry may be gone. */
  verify(): void {
    this.#isInDoubt = true;
    this.#dueAt = Number.NEGATIVE_INFINITY;
  }

  /** Returns whether a heartbeat was due: the leases are renewed together with it. */
  tick(): boolean {
    const now = this.#options.clock.monotonic();
    if (this.#request || this.#isLeaving || now < this.#dueAt) return false;
    this.#dueAt = now + this.#options.timing.renewMs;
    if (this.#own === undefined) this.#ask('create');
    else this.#ask('update');
    return true;
  }

  /** The others may take what we have: our entry goes before anything else does. */
  leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#changed();
    if (this.#own !== undefined && !this.#request) this.#ask('delete');
  }

  answered(answer: MemberAnswer): void {
    const request = this.#request;
    this.#request = undefined;
    if (answer.kind === 'written') this.#registered(answer.revision);
    else if (answer.kind === 'found') this.#found(answer.found);
    else if (answer.kind === 'conflict' && request !== 'delete') this.#ask('read');
    else if (answer.kind === 'failed') {
      this.#isInDoubt = true;
      this.#dueAt = this.#options.clock.monotonic() + this.#options.timing.retryMs;
    }
    if (this.#isLeaving && !this.#request && this.#own !== undefined && request !== 'delete') this.#ask('delete');
  }

  #found(found: Revisioned<MemberRecord> | undefined): void {
    const { nonce, effects, instance, clock, timing } = this.#options;
    if (found?.value.nonce === nonce) {
      this.#registered(found.revision);
      return;
    }
    if (this.#own !== undefined) {
      this.#own = undefined;
      this.#changed();
    }
    if (!found) {
      this.#dueAt = Number.NEGATIVE_INFINITY;
      return;
    }
    // The server has answered: what we still hold is for others to have.
    this.#isInDoubt = false;
    effects.nameTaken(found.value, this.#namesake !== undefined && found.revision > this.#namesake);
    this.#namesake = found.revision;
    this.#dueAt = clock.monotonic() + timing.ttlMs;
    this.seen(instance, found);
  }

  #registered(revision: number): void {
    const { clock, timing } = this.#options;
    if (this.#own === undefined) {
      // Former owners come first after an outage. A name that was there until now is known to everybody already.
      const settleMs = this.#wasMember ? timing.graceMs : this.#namesake === undefined ? timing.settleMs : 0;
      this.#settledAt = clock.monotonic() + settleMs;
      this.#namesake = undefined;
      this.#wasMember = true;
      this.#others.delete(this.#options.instance);
      this.#own = revision;
      this.#changed();
    }
    this.#own = revision;
    this.#isInDoubt = false;
  }

  #ask(request: 'create' | 'update' | 'read' | 'delete'): void {
    const { effects } = this.#options;
    this.#request = request;
    if (request === 'create') effects.createMember();
    else if (request === 'read') effects.readMember();
    else if (request === 'update') effects.updateMember(this.#own ?? 0);
    else effects.deleteMember(this.#own ?? 0);
  }

  #changed(): void {
    this.#owners.clear();
    this.#changedAt = this.#options.clock.monotonic();
  }

  *#names(): Iterable<string> {
    yield* this.#others.keys();
    if (this.isMember) yield this.#options.instance;
  }
}
