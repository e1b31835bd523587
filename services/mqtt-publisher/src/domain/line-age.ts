/** How long what the moving line brought of a gateway has waited for being durably settled. Times are monotonic ms. */
export class LineAge {
  readonly #maxMs: number;
  /** Last counter of each batch, and when it came, oldest first. */
  #arrivals: { last: number; at: number }[] = [];
  #since = Number.NEGATIVE_INFINITY;

  constructor(maxMs: number) {
    this.#maxMs = maxMs;
  }

  get isEmpty(): boolean {
    return this.#arrivals.length === 0;
  }

  arrived(last: number, at: number): void {
    this.#arrivals.push({ last, at });
  }

  settledUpTo(counter: number): void {
    while (this.#arrivals[0] && this.#arrivals[0].last <= counter) this.#arrivals.shift();
  }

  /** Nobody can be blamed for being slow before. */
  countFrom(now: number): void {
    this.#since = now;
  }

  forget(): void {
    this.#arrivals = [];
  }

  isTooOld(now: number): boolean {
    const oldest = this.#arrivals[0];
    return oldest !== undefined && now - Math.max(oldest.at, this.#since) > this.#maxMs;
  }
}
