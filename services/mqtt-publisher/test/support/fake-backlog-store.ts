import { GatecastError } from '@gatecast/shared/errors';
import type { BacklogStore, BacklogTail } from '../../src/application/ports.ts';
import type { Batch } from '../../src/domain/batch.ts';

/** Waiting rooms in memory. Passes the same conformance suite as the one in NATS. */
export class FakeBacklogStore implements BacklogStore {
  /** Batches that a gateway may have waiting: its oldest go. */
  maxPerGateway = Number.POSITIVE_INFINITY;
  /** While set, every request fails with it. */
  failure: GatecastError | undefined;
  /** The next append is stored, and its answer never comes. */
  loseNextAnswer = false;
  /** A read gives out that many batches, then waits for {@link proceed}. */
  pauseAfter: number | undefined;
  readonly #stored: Batch[] = [];
  #sequence = 0;
  #proceed: (() => void) | undefined;
  #reads = 0;

  /** How many reads were begun. */
  get reads(): number {
    return this.#reads;
  }

  get isPaused(): boolean {
    return this.#proceed !== undefined;
  }

  /** Lets a paused read go on, to its end. */
  proceed(): void {
    this.pauseAfter = undefined;
    this.#proceed?.();
    this.#proceed = undefined;
  }

  /** Counters that wait, in order. */
  waiting(gatewayId: string): [first: number, last: number][] {
    return this.#of(gatewayId).map(({ first, last }) => [first, last]);
  }

  /** The stream's limits take a gateway's oldest batches. */
  evict(gatewayId: string, count = 1): void {
    for (const batch of this.#of(gatewayId).slice(0, count)) this.#stored.splice(this.#stored.indexOf(batch), 1);
  }

  async tail(gatewayId: string): Promise<BacklogTail | undefined> {
    if (this.failure) throw this.failure;
    const last = this.#of(gatewayId).at(-1);
    return (
      last && {
        sequence: last.sequence,
        last: last.last,
        incarnation: last.headers.incarnation,
        moves: last.headers.moves ?? 0,
      }
    );
  }

  async gateways(): Promise<Set<string>> {
    if (this.failure) throw this.failure;
    return new Set(this.#stored.map((batch) => batch.gatewayId));
  }

  async append(batch: Batch, expectLast: number): Promise<number> {
    if (this.failure) throw this.failure;
    const last = this.#of(batch.gatewayId).at(-1)?.sequence ?? 0;
    if (last !== expectLast) throw new GatecastError('SUBJECT_SEQUENCE_CONFLICT', `ends at ${last}`);
    this.#sequence += 1;
    this.#stored.push({ ...batch, origin: 'backlog', sequence: this.#sequence, inBacklog: false, sentAt: undefined });
    this.evict(batch.gatewayId, Math.max(0, this.#of(batch.gatewayId).length - this.maxPerGateway));
    if (this.loseNextAnswer) {
      this.loseNextAnswer = false;
      throw new GatecastError('OUTCOME_UNKNOWN', 'no answer', { retryable: true });
    }
    return this.#sequence;
  }

  async forget(gatewayId: string, upTo: number): Promise<boolean> {
    if (this.failure) throw this.failure;
    const newest = this.#stored.at(-1)?.sequence ?? 0;
    for (const batch of this.#of(gatewayId)) {
      if (batch.sequence <= Math.min(upTo, newest - 1)) this.#stored.splice(this.#stored.indexOf(batch), 1);
    }
    return !this.#of(gatewayId).some(({ sequence }) => sequence <= upTo);
  }

  async *read(gatewayId: string, from: number, upTo: number): AsyncGenerator<Batch> {
    this.#reads += 1;
    let at = from;
    for (let given = 0; ; given += 1) {
      if (this.pauseAfter !== undefined && given >= this.pauseAfter) {
        await new Promise<void>((resolve) => {
          this.#proceed = resolve;
        });
      }
      if (this.failure) throw this.failure;
      const next = this.#of(gatewayId).find((batch) => batch.sequence >= at && batch.sequence <= upTo);
      if (!next) return;
      at = next.sequence + 1;
      yield { ...next };
    }
  }

  #of(gatewayId: string): Batch[] {
    return this.#stored.filter((batch) => batch.gatewayId === gatewayId);
  }
}
