export interface PendingAck {
  readonly delayMs: number;
  /** At most so many a second, this one included. */
  readonly perSecond: number | undefined;
  /** Waits for {@link AckQueue.release}. */
  readonly isHeld: boolean;
  readonly send: () => void;
}

interface QueuedAck {
  readonly dueAt: number;
  isHeld: boolean;
  readonly send: () => void;
}

/** The acknowledgements of one connection: they go out in the order of their packets [MQTT-4.6.0-2], however late. */
export class AckQueue {
  readonly #queue: QueuedAck[] = [];
  #latestDueAt = 0;
  #timer: NodeJS.Timeout | undefined;

  get size(): number {
    return this.#queue.length;
  }

  push(ack: PendingAck): void {
    const isImmediate = ack.delayMs === 0 && ack.perSecond === undefined && !ack.isHeld;
    if (isImmediate && this.#queue.length === 0) {
      ack.send();
      return;
    }
    const earliest = performance.now() + ack.delayMs;
    const dueAt =
      ack.perSecond === undefined ? earliest : Math.max(earliest, this.#latestDueAt + 1_000 / ack.perSecond);
    this.#latestDueAt = dueAt;
    this.#queue.push({ dueAt, isHeld: ack.isHeld, send: ack.send });
    this.#pump();
  }

  /** Lets the first `count` held ones go, and returns how many there were. */
  release(count: number): number {
    let released = 0;
    for (const ack of this.#queue) {
      if (released >= count) break;
      if (!ack.isHeld) continue;
      ack.isHeld = false;
      released += 1;
    }
    this.#pump();
    return released;
  }

  /** Drops what has not gone out. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#queue.length = 0;
  }

  #pump(): void {
    if (this.#timer !== undefined) return;
    for (let head = this.#queue[0]; head !== undefined && !head.isHeld; head = this.#queue[0]) {
      const wait = head.dueAt - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#pump();
        }, wait);
        return;
      }
      this.#queue.shift();
      head.send();
    }
  }
}
