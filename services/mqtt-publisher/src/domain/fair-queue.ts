/**
 * A queue for each key, first in first out, and the keys in turn: one key's thousands never stand before another key's
 * first. Pure.
 */
export class FairQueue<T> {
  /** Keys with something waiting; the one whose turn is next comes first. */
  readonly #queues = new Map<string, Set<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(key: string, item: T): void {
    const queue = this.#queues.get(key);
    if (queue) queue.add(item);
    else this.#queues.set(key, new Set([item]));
    this.#size += 1;
  }

  /** Takes an item out of the queue, wherever it stands. */
  remove(key: string, item: T): void {
    const queue = this.#queues.get(key);
    if (!queue?.delete(item)) return;
    this.#size -= 1;
    if (queue.size === 0) this.#queues.delete(key);
  }

  /** The next item among the keys that are `ready`; its key then goes to the end of the round. */
  next(ready: (key: string) => boolean = () => true): { key: string; item: T } | undefined {
    for (const [key, queue] of this.#queues) {
      if (!ready(key)) continue;
      const [item] = queue;
      if (item === undefined) continue;
      queue.delete(item);
      this.#size -= 1;
      this.#queues.delete(key);
      if (queue.size > 0) this.#queues.set(key, queue);
      return { key, item };
    }
    return undefined;
  }

  keys(): IterableIterator<string> {
    return this.#queues.keys();
  }
}
