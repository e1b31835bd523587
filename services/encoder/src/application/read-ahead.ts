/**
 * Bounds what is read of a partition and not encoded yet. Reading stops at the limit, so that gateways whose outbox is
 * full cost a bounded amount of memory, and goes on when enough is free for the largest message.
 */
export class ReadAhead {
  readonly #limitBytes: number;
  readonly #leastBytes: number;
  readonly #signal: AbortSignal;
  #usedBytes = 0;
  #wake: (() => void) | undefined;

  /** @param leastBytes size of the largest message: with less room nothing is read */
  constructor(limitBytes: number, leastBytes: number, signal: AbortSignal) {
    this.#limitBytes = Math.max(limitBytes, leastBytes);
    this.#leastBytes = leastBytes;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  take(bytes: number): void {
    this.#usedBytes += bytes;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
    if (this.#hasRoom()) this.#wake?.();
  }

  /** Resolves to the bytes that may be read, once there is room, or when the signal is aborted. For one reader. */
  async room(): Promise<number> {
    while (!this.#hasRoom() && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    return Math.max(this.#leastBytes, this.#limitBytes - this.#usedBytes);
  }

  #hasRoom(): boolean {
    return this.#limitBytes - this.#usedBytes >= this.#leastBytes;
  }
}
