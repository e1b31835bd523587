import type { Batch } from './batch.ts';

/**
 * The batches of one partition that were read from OUTBOX and are not yet known to be durably settled: what decides how
 * far the partition's checkpoint may move. Pure.
 */
export class Outstanding {
  readonly #batches = new Map<number, Batch>();
  #readUpTo: number;

  /** @param position everything up to this OUTBOX sequence was settled before */
  constructor(position: number) {
    this.#readUpTo = position;
  }

  /** Sequence of the last batch read. */
  get readUpTo(): number {
    return this.#readUpTo;
  }

  get size(): number {
    return this.#batches.size;
  }

  add(batch: Batch): void {
    this.#batches.set(batch.sequence, batch);
    this.#readUpTo = batch.sequence;
  }

  /** A message that nobody has to wait for (not ours, of a former registration). */
  skip(sequence: number): void {
    this.#readUpTo = sequence;
  }

  remove(batch: Batch): void {
    this.#batches.delete(batch.sequence);
  }

  /** Highest sequence such that every batch up to it satisfies `isSettled`. */
  position(isSettled: (batch: Batch) => boolean): number {
    for (const batch of this.#batches.values()) if (!isSettled(batch)) return batch.sequence - 1;
    return this.#readUpTo;
  }

  /** Batches of one gateway, in order. */
  *of(gatewayId: string): Iterable<Batch> {
    for (const batch of this.#batches.values()) if (batch.gatewayId === gatewayId) yield batch;
  }

  batches(): IterableIterator<Batch> {
    return this.#batches.values();
  }
}
