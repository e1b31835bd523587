/** Wakes whoever waits for something to change. A notification without a waiter is kept for the next one. */
export class Notifier {
  #pending = false;
  #resolve: (() => void) | undefined;

  notify(): void {
    this.#pending = true;
    this.#resolve?.();
  }

  /** Resolves at the next notification, or at once if there was one since the last wait. */
  async wait(): Promise<void> {
    if (!this.#pending) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
      this.#resolve = undefined;
    }
    this.#pending = false;
  }
}
