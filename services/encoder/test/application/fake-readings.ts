import type { MeasurementRequest } from '@gatecast/shared/model';
import type { Envelope, ReadingsPort, SourceMessage, StreamPoint, StreamState } from '../../src/application/ports.ts';

interface Stored {
  readonly partition: number;
  readonly message: SourceMessage;
}

/** READINGS in memory. */
export class FakeReadings implements ReadingsPort {
  readonly stored: Stored[] = [];
  /** What `follow` was started with, in order. */
  readonly follows: { partition: number; from: number }[] = [];
  /** Messages that `follow` has given out. */
  handedOut = 0;
  purgedBefore = 1;
  fill = 0;
  #lastSequence = 0;
  #wake: (() => void)[] = [];

  /** Stores a batch that a gateway sent at `time`. Returns its sequence. */
  append(
    gatewayId: string,
    request: MeasurementRequest | string | Uint8Array,
    { partition = 0, time = 0, envelope }: { partition?: number; time?: number; envelope: Envelope },
  ): number {
    this.#lastSequence += 1;
    const isRaw = typeof request === 'string' || request instanceof Uint8Array;
    const body = isRaw ? Buffer.from(request) : Buffer.from(JSON.stringify(request));
    const sequence = this.#lastSequence;
    this.stored.push({
      partition,
      message: { sequence, gatewayId, acceptedAt: time, headers: undefined, body, envelope },
    });
    for (const wake of this.#wake.splice(0)) wake();
    return sequence;
  }

  async *follow({ partition, from, room, signal }: Parameters<ReadingsPort['follow']>[0]) {
    this.follows.push({ partition, from });
    for (let next = from; !signal.aborted; ) {
      await room();
      if (signal.aborted) return;
      const found = this.#of(partition).find(({ sequence }) => sequence >= next);
      if (found) {
        next = found.sequence + 1;
        this.handedOut += 1;
        yield found;
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  async pointAt(partition: number, start: { sequence: number } | { time: number }): Promise<StreamPoint> {
    const isBehind = (message: SourceMessage) =>
      'sequence' in start ? message.sequence >= start.sequence : message.acceptedAt >= start.time;
    const from = this.#of(partition).filter(isBehind);
    return { sequence: from[0]?.sequence ?? this.#lastSequence + 1, messages: from.length };
  }

  async timeOf(_partition: number, sequence: number): Promise<number | undefined> {
    return this.stored.find(({ message }) => message.sequence === sequence)?.message.acceptedAt;
  }

  async hasAfter(partition: number, sequence: number): Promise<boolean> {
    return this.#of(partition).some((message) => message.sequence > sequence);
  }

  async state(): Promise<StreamState> {
    return { firstSequence: this.purgedBefore, lastSequence: this.#lastSequence, fill: this.fill };
  }

  async sequenceAt(_partition: number, time: number): Promise<number> {
    const found = this.stored.find(({ message }) => message.acceptedAt >= time);
    return found?.message.sequence ?? this.#lastSequence + 1;
  }

  async purgeBefore(_partition: number, sequence: number): Promise<number> {
    const before = this.stored.length;
    this.stored.splice(0, this.stored.filter(({ message }) => message.sequence < sequence).length);
    this.purgedBefore = sequence;
    return before - this.stored.length;
  }

  #of(partition: number): SourceMessage[] {
    return this.stored.filter((one) => one.partition === partition).map(({ message }) => message);
  }
}
