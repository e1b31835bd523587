import type { Lease } from '@gatecast/shared/ownership';

/**
 * A lease that remembers whether it has said no. Who hears that waits until somebody says that it is valid again; it may
 * be so before anybody looks.
 */
export class WatchedLease implements Lease {
  readonly #lease: Lease;
  #hasSaidNo = false;

  constructor(lease: Lease) {
    this.#lease = lease;
  }

  get epoch(): number {
    return this.#lease.epoch;
  }

  get instance(): string {
    return this.#lease.instance;
  }

  isValid(): boolean {
    const isValid = this.#lease.isValid();
    if (!isValid) this.#hasSaidNo = true;
    return isValid;
  }

  confirm(): Promise<boolean> {
    return this.#lease.confirm();
  }

  giveUp(): void {
    this.#lease.giveUp();
  }

  /** Whether it is valid, and was not when it was asked at some time since it was last found to be so. */
  isValidAgain(): boolean {
    if (!this.isValid() || !this.#hasSaidNo) return false;
    this.#hasSaidNo = false;
    return true;
  }
}
