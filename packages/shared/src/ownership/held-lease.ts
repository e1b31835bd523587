import type { Clock } from '../lifecycle/index.ts';
import type { Lease } from './ownership.ts';

export interface HeldLeaseOptions {
  partition: number;
  epoch: number;
  instance: string;
  clock: Pick<Clock, 'monotonic'>;
  /** Asks the leader. */
  confirm: (lease: HeldLease) => Promise<boolean>;
  giveUp: (lease: HeldLease) => void;
}

/** A lease of this process, as it hands it out. */
export class HeldLease implements Lease {
  readonly partition: number;
  readonly epoch: number;
  readonly instance: string;
  /** Of its latest renewal. */
  revision: number;
  readonly #options: HeldLeaseOptions;
  /** Monotonic time until which the server is sure not to have given the lease to anybody else. */
  #deadline = Number.NEGATIVE_INFINITY;
  #isOver = false;

  constructor(options: HeldLeaseOptions) {
    this.#options = options;
    this.partition = options.partition;
    this.epoch = options.epoch;
    this.instance = options.instance;
    this.revision = options.epoch;
  }

  isValid(): boolean {
    return !this.#isOver && this.#options.clock.monotonic() < this.#deadline;
  }

  confirm(): Promise<boolean> {
    return this.isValid() ? this.#options.confirm(this) : Promise.resolve(false);
  }

  giveUp(): void {
    this.#options.giveUp(this);
  }

  renewed(revision: number, deadline: number): void {
    this.revision = revision;
    this.#deadline = Math.max(this.#deadline, deadline);
  }

  /** It is gone, or another's: it never becomes valid again. */
  end(): void {
    this.#isOver = true;
  }
}
