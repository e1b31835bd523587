import type { MqttMessage } from '@gatecast/shared/outbox';
import type { Batch } from './batch.ts';

/** One message on its way to the broker, or a gap: messages that the waiting room's limits have cost. */
export interface LaneItem {
  /** The gateway's counter; for a gap its first … */
  readonly counter: number;
  /** … and last. */
  readonly last: number;
  /** Undefined for a gap. */
  readonly message: MqttMessage | undefined;
  readonly batch: Batch | undefined;
  state: 'queued' | 'sent' | 'acknowledged' | 'aside';
}

export interface LaneCounters {
  /** Every message up to here is settled. */
  settled: number;
  /** Lost to limits. */
  lost: number;
  /** Settled without being delivered: dead letters. */
  aside: number;
}

/**
 * The queue of one gateway's session: pure bookkeeping, no I/O. A message gets in only if its counter is the next; a
 * lower one was handled before, a higher one proves a gap. It is settled when it and all before it are acknowledged.
 */
export class Lane {
  readonly #counters: LaneCounters;
  #items: LaneItem[] = [];
  /** Items before this index are sent or acknowledged. */
  #unsent = 0;
  #next: number;
  #inFlight = 0;
  /** Nothing is sent until a decision to lose messages, up to this counter, is recorded. */
  #lossBarrier = 0;

  constructor(counters: LaneCounters) {
    this.#counters = { ...counters };
    this.#next = counters.settled + 1;
  }

  get settled(): number {
    return this.#counters.settled;
  }

  get lost(): number {
    return this.#counters.lost;
  }

  get aside(): number {
    return this.#counters.aside;
  }

  /** Counter of the next message that can get in. */
  get next(): number {
    return this.#next;
  }

  /** Items in the lane, sent or not. */
  get size(): number {
    return this.#items.length;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Whether a loss was decided that the durable record must hold before the lane goes on. */
  waitsForRecord(recorded: number): boolean {
    return this.#lossBarrier > recorded;
  }

  /** Takes the messages of a batch whose counters are next; those below were handled before. Returns how many it took. */
  take(batch: Batch): number {
    if (batch.first > this.#next) this.lose(batch.first - 1);
    const skip = this.#next - batch.first;
    if (skip > 0 && skip >= batch.messages.length) return 0;
    for (let index = Math.max(0, skip); index < batch.messages.length; index += 1) {
      const counter = batch.first + index;
      this.#items.push({ counter, last: counter, message: batch.messages[index], batch, state: 'queued' });
    }
    const taken = batch.last + 1 - this.#next;
    this.#next = batch.last + 1;
    return taken;
  }

  /** Notes that the messages from the next one up to `last` are gone for good. */
  lose(last: number): void {
    if (last < this.#next) return;
    this.#items.push({ counter: this.#next, last, message: undefined, batch: undefined, state: 'queued' });
    this.#next = last + 1;
  }

  /**
   * The next item to send; undefined when there is none, or it must wait.
   * @param limit highest counter that may be sent
   * @param recorded highest counter that is durably settled
   */
  peek(limit: number, recorded: number): LaneItem | undefined {
    let item = this.#items[this.#unsent];
    while (item && isDone(item)) {
      this.#unsent += 1;
      item = this.#items[this.#unsent];
    }
    if (!item || item.message === undefined || item.counter > limit || this.waitsForRecord(recorded)) return undefined;
    return item;
  }

  /** Marks what `peek` returned as sent. */
  sent(item: LaneItem): void {
    item.state = 'sent';
    this.#unsent += 1;
    this.#inFlight += 1;
  }

  /** An item needs nothing more: it was acknowledged, or set aside. Has no effect on the counters by itself. */
  acknowledged(item: LaneItem, outcome: 'delivered' | 'aside'): void {
    if (item.state !== 'sent') return;
    item.state = outcome === 'aside' ? 'aside' : 'acknowledged';
    this.#inFlight -= 1;
  }

  /** Moves the settled counter over everything that is contiguously done. Returns whether it moved. */
  advance(): boolean {
    let done = 0;
    for (const item of this.#items) {
      if (item.message === undefined) {
        this.#counters.lost += item.last - item.counter + 1;
        this.#lossBarrier = item.last;
      } else if (!isDone(item)) break;
      // Not before it is settled: until then it may be sent, and set aside, once more.
      if (item.state === 'aside') this.#counters.aside += 1;
      this.#counters.settled = item.last;
      done += 1;
    }
    if (done === 0) return false;
    this.#items.splice(0, done);
    this.#unsent = Math.max(0, this.#unsent - done);
    return true;
  }

  /** The session is gone: what was sent and not acknowledged will be sent again, in order. */
  sessionLost(): void {
    for (const item of this.#items) if (item.state === 'sent') item.state = 'queued';
    this.#inFlight = 0;
    this.#unsent = this.#items.findIndex((item) => item.state === 'queued');
    if (this.#unsent < 0) this.#unsent = this.#items.length;
  }

  /** Removes what is not sent; the lane then expects those messages again, from the waiting room. */
  removeUnsent(): void {
    const kept = this.#items.slice(0, this.#unsent);
    this.#items = kept;
    this.#next = (kept.at(-1)?.last ?? this.#counters.settled) + 1;
  }
}

function isDone(item: LaneItem): boolean {
  return item.state === 'acknowledged' || item.state === 'aside';
}
