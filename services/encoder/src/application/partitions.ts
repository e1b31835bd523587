import type { Lease, OwnershipHandlers } from '@gatecast/shared/ownership';
import { type EncoderLimits, type EncoderPorts, Partition, type PartitionState } from './partition.ts';

/** The partitions that this process owns now. What ownership says of one partition is done in the order it was said. */
export class Partitions implements OwnershipHandlers {
  readonly #ports: EncoderPorts;
  readonly #limits: EncoderLimits;
  readonly #owned = new Map<number, Partition>();
  readonly #turns = new Map<number, Promise<void>>();

  constructor(ports: EncoderPorts, limits: EncoderLimits) {
    this.#ports = ports;
    this.#limits = limits;
  }

  *[Symbol.iterator](): IterableIterator<Partition> {
    yield* this.#owned.values();
  }

  get(partition: number): Partition | undefined {
    return this.#owned.get(partition);
  }

  count(state: PartitionState): number {
    let count = 0;
    for (const partition of this.#owned.values()) if (partition.state === state) count += 1;
    return count;
  }

  acquired(partition: number, lease: Lease): void {
    void this.#inTurn(partition, async () => {
      const held = this.#owned.get(partition);
      if (held && (await this.#reclaim(held, lease))) return;
      await held?.stop();
      const next = new Partition(partition, lease, this.#ports, this.#limits);
      this.#owned.set(partition, next);
      next.start();
    });
  }

  lost(partition: number): Promise<void> {
    return this.#letGo(partition, (held) => held.stop());
  }

  release(partition: number): Promise<void> {
    return this.#letGo(partition, (held) => held.drain());
  }

  #letGo(partition: number, end: (held: Partition) => Promise<void>): Promise<void> {
    this.#owned.get(partition)?.abort();
    return this.#inTurn(partition, async () => {
      const held = this.#owned.get(partition);
      if (!held) return;
      this.#owned.delete(partition);
      await end(held);
    });
  }

  async #reclaim(held: Partition, lease: Lease): Promise<boolean> {
    try {
      return await held.reclaim(lease);
    } catch (error) {
      if (held.isAborted) return false;
      throw error;
    }
  }

  #inTurn(partition: number, action: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(partition) ?? Promise.resolve()).then(action);
    this.#turns.set(partition, turn);
    return turn;
  }
}
