import type { GatewayRecord } from '@gatecast/shared/model';
import type { DeadLetterStore, LetterScan } from '../src/application/ports.ts';
import type { DeadLetter, LetterHead } from '../src/domain/dead-letter.ts';

/** Dead letters in memory, and what was sent again. */
export class FakeDeadLetters implements DeadLetterStore {
  readonly stored: (DeadLetter & { gatewayId: string })[] = [];
  readonly sent: { id: number; kind: string; gatewayId: string; incarnation: string }[] = [];
  /** Thrown by the next sendings or removals, while set. */
  sendFailure: Error | undefined;
  removeFailure: Error | undefined;
  #last = 0;

  /** Sets a letter aside; returns its id. */
  add(gatewayId: string, incarnation: string | undefined, changes: Partial<DeadLetter> = {}): number {
    this.#last += 1;
    const body = changes.body ?? Buffer.from('{"measurements":[]}');
    this.stored.push({
      gatewayId,
      id: this.#last,
      time: Date.UTC(2026, 0, 1) + this.#last * 1_000,
      reason: 'topic_too_long',
      kind: 'measurements',
      incarnation,
      bytes: body.byteLength,
      ...changes,
      body,
    });
    return this.#last;
  }

  get ids(): number[] {
    return this.stored.map(({ id }) => id);
  }

  async scan(gatewayId: string, { order, beyond }: LetterScan, visit: (head: LetterHead) => boolean): Promise<void> {
    const own = this.stored.filter((letter) => letter.gatewayId === gatewayId);
    for (const letter of order === 'oldest' ? own : own.toReversed()) {
      if (beyond !== undefined && (order === 'oldest' ? letter.id <= beyond : letter.id >= beyond)) continue;
      const { body: _body, ...head } = letter;
      if (!visit(head)) return;
    }
  }

  async get(gatewayId: string, id: number): Promise<DeadLetter | undefined> {
    return this.stored.find((letter) => letter.gatewayId === gatewayId && letter.id === id);
  }

  async remove(gatewayId: string, id: number): Promise<boolean> {
    if (this.removeFailure) throw this.removeFailure;
    const index = this.stored.findIndex((letter) => letter.gatewayId === gatewayId && letter.id === id);
    if (index >= 0) this.stored.splice(index, 1);
    return index >= 0;
  }

  async removeAll(gatewayId: string): Promise<number> {
    const own = this.stored.filter((letter) => letter.gatewayId === gatewayId);
    for (const { id } of own) await this.remove(gatewayId, id);
    return own.length;
  }

  async sendAgain({ id, kind }: DeadLetter, { gatewayId, incarnation }: GatewayRecord): Promise<void> {
    if (this.sendFailure) throw this.sendFailure;
    if (!this.sent.some((one) => one.id === id)) this.sent.push({ id, kind, gatewayId, incarnation });
  }
}
