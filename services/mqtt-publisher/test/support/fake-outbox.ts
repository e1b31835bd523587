import type { BatchHeaders } from '@gatecast/shared/nats';
import type { Lease } from '@gatecast/shared/ownership';
import type { LineReader, OutboxItem, OutboxReader } from '../../src/application/ports.ts';
import type { Batch } from '../../src/domain/batch.ts';
import { batchOf } from './batches.ts';

/** A fleet's outbox of one partition, in memory. */
export class FakeOutbox implements OutboxReader {
  readonly #batches: Batch[] = [];
  readonly #now: () => number;
  #wake: (() => void)[] = [];

  /** @param now when what is written is stored */
  constructor(now = () => 0) {
    this.#now = now;
  }

  /** The encoder writes messages `first` … `last` of a gateway that has moved so often. */
  emit(first: number, last: number, moves = 0): void {
    this.#append(batchOf(first, last, { sequence: this.#batches.length + 1, storedAt: this.#now() }), { moves });
  }

  /** The encoder ends the line before message `next`. */
  end(next: number, movedTo: string, moves = 0): void {
    this.#append(batchOf(next, next - 1, { sequence: this.#batches.length + 1 }), { moves, movedTo });
  }

  async *read(
    ...args: [partition: number, lease: () => Lease, from: number, signal: AbortSignal]
  ): AsyncGenerator<OutboxItem> {
    const [, , from, signal] = args;
    for (let next = from; !signal.aborted; ) {
      const batch = this.#batches[next - 1];
      if (batch) {
        next += 1;
        yield { kind: 'batch', batch: { ...batch } };
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  /** The same, as the reader of single gateways: there is but one. */
  get line(): LineReader {
    const batches = this.#batches;
    return {
      end: async (): Promise<BatchHeaders | undefined> => batches.at(-1)?.headers,
      async *read(_partition, _gatewayId, from) {
        for (const batch of batches.slice(Math.max(0, from - 1))) yield { ...batch };
      },
    };
  }

  #append(batch: Batch, line: { moves: number; movedTo?: string }): void {
    this.#batches.push({ ...batch, headers: { ...batch.headers, ...line } });
    for (const wake of this.#wake.splice(0)) wake();
  }
}
