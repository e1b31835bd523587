import { FairQueue } from '../domain/fair-queue.ts';

/** So many at a time; who comes later waits, in turn with the other keys. */
export class Slots {
  readonly #limit: number;
  readonly #waiting = new FairQueue<() => void>();
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Waits for a place and returns what gives it back (once; more calls do nothing). Undefined when `signal` aborted
   * first: the place in the queue is then free.
   */
  async enter(key: string, signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return undefined;
    if (this.#taken < this.#limit) this.#taken += 1;
    else if (!(await this.#wait(key, signal))) return undefined;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#leave();
    };
  }

  #wait(key: string, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const enter = () => {
        signal.removeEventListener('abort', giveUp);
        resolve(true);
      };
      const giveUp = () => {
        this.#waiting.remove(key, enter);
        resolve(false);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(key, enter);
    });
  }

  /** A place that somebody waits for goes on without becoming free. */
  #leave(): void {
    const next = this.#waiting.next();
    if (next) next.item();
    else this.#taken -= 1;
  }
}
