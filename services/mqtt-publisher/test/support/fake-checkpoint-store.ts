import { GatecastError } from '@gatecast/shared/errors';
import type { PublisherCheckpoint } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { CheckpointStore } from '../../src/application/ports.ts';

/** One partition's record, with everything that can happen to a write of it. */
export class FakeCheckpointStore implements CheckpointStore {
  /** Every write that took effect, in order. */
  readonly writes: PublisherCheckpoint[] = [];
  /** While set, every request fails with it. */
  failure: GatecastError | undefined;
  /** The next write takes effect, and its answer never comes. */
  loseNextAnswer = false;
  #stored: Revisioned<string> | undefined;
  #held: (() => void)[] | undefined;
  readonly #followers = new Set<() => void>();
  /** While true, nobody hears of writes. */
  isQuiet = false;

  /** As the port of a former fleet. */
  follow = (_partition: number, onWrite: () => void, signal: AbortSignal): void => {
    this.#followers.add(onWrite);
    signal.addEventListener('abort', () => this.#followers.delete(onWrite));
  };

  /** How many follow the writes. */
  get followers(): number {
    return this.#followers.size;
  }

  get stored(): PublisherCheckpoint | undefined {
    return this.#stored && (JSON.parse(this.#stored.value) as PublisherCheckpoint);
  }

  /** Somebody else writes. */
  overwrite(checkpoint: PublisherCheckpoint): void {
    this.#store(checkpoint);
  }

  /** From here on answers to writes wait, until {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const answer of held) answer();
  }

  async read(_partition: number): Promise<Revisioned<PublisherCheckpoint> | undefined> {
    if (this.failure) throw this.failure;
    const value = this.stored;
    return value && { value, revision: this.#stored?.revision ?? 0 };
  }

  async write(_partition: number, checkpoint: PublisherCheckpoint, revision: number | undefined): Promise<number> {
    if (this.failure) throw this.failure;
    if (this.#stored?.revision !== revision) throw new GatecastError('REVISION_CONFLICT', `expected ${revision}`);
    const written = this.#store(checkpoint);
    this.writes.push(structuredClone(checkpoint));
    if (this.loseNextAnswer) {
      this.loseNextAnswer = false;
      throw new GatecastError('OUTCOME_UNKNOWN', 'no answer', { retryable: true });
    }
    if (this.#held) await new Promise<void>((resolve) => this.#held?.push(resolve));
    return written;
  }

  #store(checkpoint: PublisherCheckpoint): number {
    const revision = (this.#stored?.revision ?? 0) + 1;
    this.#stored = { value: JSON.stringify(checkpoint), revision };
    if (!this.isQuiet) for (const onWrite of this.#followers) onWrite();
    return revision;
  }
}
