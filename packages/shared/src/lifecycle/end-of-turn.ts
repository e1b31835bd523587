/**
 * Lets what is ready in one turn of the event loop go on together at its end: publishes of many gateways then share one
 * write to the socket, where each on its own would cost a system call, more than it takes to encode a batch.
 */
export class EndOfTurn {
  #next: Promise<void> | undefined;

  /** Resolves in the next turn, for all who wait. */
  wait(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#next = undefined;
        resolve();
      });
    });
    return this.#next;
  }
}
