import type { Lease } from '@gatecast/shared/ownership';

/** A lease whose validity a test decides. */
export class FakeLease implements Lease {
  readonly instance = 'publisher-1';
  readonly epoch: number;
  valid = true;
  isGivenUp = false;

  constructor(epoch = 5) {
    this.epoch = epoch;
  }

  isValid(): boolean {
    return this.valid;
  }

  async confirm(): Promise<boolean> {
    return this.valid;
  }

  giveUp(): void {
    this.isGivenUp = true;
  }
}
