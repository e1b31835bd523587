import { type ErrorCode, GatecastError } from '@gatecast/shared/errors';
import type { OutboxLine, OutboxPort } from '../../src/application/ports.ts';
import type { Emission, Tail } from '../../src/domain/chain.ts';

/** What becomes of a publish: refused before it is stored, or stored with the answer lost. */
export type Mishap = { code: ErrorCode; isStored: boolean };

interface Stored {
  readonly sequence: number;
  readonly settings: number;
  readonly emission: Emission;
}

/** Outboxes in memory. */
export class FakeOutbox implements OutboxPort {
  maxMessageBytes = 1024 * 1024;
  /** Fleets whose outbox takes nothing more. */
  readonly full = new Set<string>();
  /** What happens to the next publishes, one after the other. */
  readonly mishaps: Mishap[] = [];
  /** Runs before the next publish is decided: another encoder that is faster. */
  beforeNextPublish: (() => void) | undefined;
  tailReads = 0;
  /** All that was ever stored, of all fleets, in order: a purge does not change it. */
  readonly history: { readonly fleet: string; readonly gatewayId: string; readonly emission: Emission }[] = [];
  readonly #subjects = new Map<string, Stored[]>();
  #sequence = 0;

  of(gatewayId: string, fleet = 'default'): Stored[] {
    return this.#subjects.get(`${fleet}/${gatewayId}`) ?? [];
  }

  /** Texts of all messages, in order. */
  texts(gatewayId: string, fleet = 'default'): string[] {
    return this.of(gatewayId, fleet).flatMap(({ emission }) =>
      emission.messages.map(({ payload }) => Buffer.from(payload).toString()),
    );
  }

  purge(gatewayId: string, fleet = 'default'): void {
    this.#subjects.delete(`${fleet}/${gatewayId}`);
  }

  async tail({ fleet, gatewayId }: OutboxLine): Promise<Tail | undefined> {
    this.tailReads += 1;
    const last = this.of(gatewayId, fleet).at(-1);
    if (!last) return undefined;
    const { messages, expectLast: _expectLast, unitsDone: _unitsDone, ...batch } = last.emission;
    return { sequence: last.sequence, ...batch, count: messages.length };
  }

  async publish(line: OutboxLine, emission: Emission, settings: number): Promise<number> {
    const before = this.beforeNextPublish;
    this.beforeNextPublish = undefined;
    before?.();
    const mishap = this.mishaps.shift();
    if (mishap && !mishap.isStored) throw new GatecastError(mishap.code, 'as the test wants it', { retryable: true });
    const sequence = this.store(line.gatewayId, emission, settings, line.fleet);
    if (mishap) throw new GatecastError(mishap.code, 'as the test wants it', { retryable: true });
    return sequence;
  }

  store(gatewayId: string, emission: Emission, settings = 0, fleet = 'default'): number {
    if (this.full.has(fleet)) throw new GatecastError('STORAGE_FULL', 'full', { retryable: true });
    const subject = this.of(gatewayId, fleet);
    const last = subject.at(-1)?.sequence ?? 0;
    if (last !== emission.expectLast) throw new GatecastError('SUBJECT_SEQUENCE_CONFLICT', `last is ${last}`);
    this.#sequence += 1;
    subject.push({ sequence: this.#sequence, settings, emission });
    this.history.push({ fleet, gatewayId, emission });
    this.#subjects.set(`${fleet}/${gatewayId}`, subject);
    return this.#sequence;
  }
}
