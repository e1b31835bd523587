import { isGatecastError } from '@gatecast/shared/errors';
import type { Chain, Emission } from '../domain/chain.ts';
import type { Persistence } from './persistence.ts';
import type { BatchTrace, Observer, OutboxLine, OutboxPort } from './ports.ts';

const OWNER_POLL_MS = 50;

export interface ChainPublisherContext {
  readonly outbox: OutboxPort;
  readonly observer: Observer;
  readonly persistence: Persistence;
  readonly signal: AbortSignal;
  /** Whether this process may write for the partition now. */
  readonly isOwner: () => boolean;
}

/** Gets what a gateway's chain emits into the outbox, once, whatever becomes of single attempts. */
export class ChainPublisher {
  readonly #chain: Chain;
  readonly #context: ChainPublisherContext;
  readonly #onProgress: () => void;

  constructor(chain: Chain, context: ChainPublisherContext, onProgress: () => void) {
    this.#chain = chain;
    this.#context = context;
    this.#onProgress = onProgress;
  }

  /** Waits for the leader's word on the end of `line`. */
  async readTail(line: OutboxLine): Promise<void> {
    const { outbox, persistence } = this.#context;
    this.#chain.adoptTail(await persistence.untilDone('reading the outbox tail', () => outbox.tail(line)));
  }

  /** Publishes one after the other what `next` gives. False: the line turned out to have its end. */
  async publishAll(
    next: () => Emission | undefined,
    line: OutboxLine,
    settings: number,
    trace: BatchTrace,
  ): Promise<boolean> {
    const { outbox, persistence, observer, signal, isOwner } = this.#context;
    let failures = 0;
    for (let emission = next(); emission; emission = next()) {
      signal.throwIfAborted();
      if (!isOwner()) await persistence.until(isOwner, OWNER_POLL_MS);
      try {
        const sequence = await outbox.publish(line, emission, settings, trace);
        this.#chain.emitted(emission, sequence);
        observer.emitted(emission.messages.length);
        this.#onProgress();
        failures = 0;
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        failures += 1;
        observer.publishFailed(error.code);
        await this.#afterFailure(error, failures, line);
        if (this.#chain.isEnded) return false;
      }
    }
    return true;
  }

  /** Not stored: again later. Perhaps stored, by us or by another encoder: the tail says so. */
  async #afterFailure(error: { code: string }, failures: number, line: OutboxLine): Promise<void> {
    const { persistence, observer } = this.#context;
    switch (error.code) {
      case 'SUBJECT_SEQUENCE_CONFLICT':
      case 'OUTCOME_UNKNOWN':
        if (failures > 1) await persistence.pause('publishing to the outbox', error, failures - 1);
        await this.readTail(line);
        return;
      case 'STORAGE_FULL':
        observer.waitingForOutbox(1);
        try {
          await persistence.pause('publishing to a full outbox', error, failures);
        } finally {
          observer.waitingForOutbox(-1);
        }
        return;
      default:
        await persistence.pause('publishing to the outbox', error, failures);
    }
  }
}
