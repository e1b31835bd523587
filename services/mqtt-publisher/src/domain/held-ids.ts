/**
 * Which packet ids a QoS 2 session of the broker may hold, since their messages were published and are not known to be
 * released. Messages are named by their counters.
 */
export class HeldIds {
  #upTo: number;
  #sentUpTo: number;

  /**
   * @param upTo highest counter that any predecessor may have sent; 0: the broker has no session
   * @param sentUpTo highest counter that is known to have been sent
   */
  constructor(upTo: number, sentUpTo: number) {
    this.#upTo = upTo;
    this.#sentUpTo = sentUpTo;
  }

  /** Highest counter whose id may be held; 0: none. */
  get upTo(): number {
    return this.#upTo;
  }

  /** Highest counter that is known to have been sent. */
  get sentUpTo(): number {
    return this.#sentUpTo;
  }

  mayHave(counter: number): boolean {
    return counter <= this.#upTo;
  }

  sent(counter: number): void {
    this.#sentUpTo = Math.max(this.#sentUpTo, counter);
    this.#upTo = Math.max(this.#upTo, counter);
  }

  /** The broker has none of them any more. */
  clear(settled: number): void {
    this.#upTo = 0;
    this.#sentUpTo = settled;
  }
}
