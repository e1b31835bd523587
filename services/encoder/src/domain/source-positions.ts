/** A message of a partition that was read and is not done yet. */
export interface TakenSource {
  readonly sequence: number;
  /** When the server stored it, ms since the epoch. */
  readonly acceptedAt: number;
  isDone: boolean;
}

/**
 * How far a partition is encoded. Gateways finish in any order; the position is the last sequence before the first one
 * that is not done.
 */
export class SourcePositions {
  #position: number;
  #taken: TakenSource[] = [];
  /** Those of `#taken` in front of it are done. */
  #head = 0;

  constructor(position: number) {
    this.#position = position;
  }

  /** Every message of the partition up to this sequence is done. */
  get position(): number {
    return this.#position;
  }

  /** Messages that were taken and are behind the position, done or not. */
  get outstanding(): number {
    return this.#taken.length - this.#head;
  }

  /** The first message that is not done. */
  get oldest(): TakenSource | undefined {
    return this.#taken[this.#head];
  }

  /** Messages are taken in the order of the stream. */
  take(sequence: number, acceptedAt: number): TakenSource {
    const source = { sequence, acceptedAt, isDone: false };
    this.#taken.push(source);
    return source;
  }

  done(source: TakenSource): void {
    source.isDone = true;
    for (let head = this.oldest; head?.isDone; head = this.oldest) {
      this.#position = head.sequence;
      this.#head += 1;
    }
    if (this.#head > 64 && this.#head * 2 > this.#taken.length) {
      this.#taken = this.#taken.slice(this.#head);
      this.#head = 0;
    }
  }

  /**
   * Nothing of this partition is between the position and `sequence`, except what is taken: an idle partition does not
   * hold up the others, with which it shares the stream. True when the position has changed.
   */
  passTo(sequence: number): boolean {
    const limit = this.oldest === undefined ? sequence : Math.min(sequence, this.oldest.sequence - 1);
    if (limit <= this.#position) return false;
    this.#position = limit;
    return true;
  }
}
