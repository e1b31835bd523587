import type { Batch } from './batch.ts';
import { HeldIds } from './held-ids.ts';
import { giveUp, isDone, isInFlight, isMissing, type LaneItem, newItem } from './lane-item.ts';
import { type SettledCounters, Settlement } from './settlement.ts';

export interface LaneCounters extends SettledCounters {
  /** QoS 2: the broker has every message up to here, or had it; at least `settled`. */
  received?: number;
  /** QoS 2: highest counter whose packet id a session of the broker may hold. */
  mayBeHeld?: number;
}

/**
 * The queue of one gateway's session: pure bookkeeping, no I/O. A message gets in only if its counter is the next; a
 * lower one was handled before, a higher one proves a gap. It is settled when it and all before it are acknowledged.
 *
 * At QoS 2 a message is released (PUBREL) in the order of the counters, and only when the durable record says that the
 * broker has received it. So whoever comes next knows what must not be sent again.
 */
export class Lane {
  readonly #settlement: Settlement;
  readonly #heldIds: HeldIds;
  #items: LaneItem[] = [];
  /** No item before this index is to be sent. */
  #unsent = 0;
  #next: number;
  #inFlight = 0;
  #unanswered = 0;
  /** Items whose content has not been read (again) yet. */
  #missing = 0;

  constructor(counters: LaneCounters) {
    const { settled, received = settled, mayBeHeld = 0 } = counters;
    this.#settlement = new Settlement(counters);
    for (let counter = settled + 1; counter <= received; counter += 1) {
      this.#items.push({ ...newItem(counter), state: 'received' });
    }
    this.#next = Math.max(settled, received) + 1;
    this.#heldIds = new HeldIds(mayBeHeld, this.#next - 1);
    this.#recount();
  }

  get settled(): number {
    return this.#settlement.settled;
  }

  get lost(): number {
    return this.#settlement.lost;
  }

  get aside(): number {
    return this.#settlement.aside;
  }

  /**
   * QoS 2: the broker has every message up to here, in this session. It ends in front of a gap and of what was set
   * aside, so that neither is taken for delivered by whoever reads it in the record.
   */
  get receivedUpTo(): number {
    let received = this.settled;
    for (const item of this.#items) {
      const isWithBroker = item.state === 'received' || item.state === 'released' || item.state === 'acknowledged';
      if (!isWithBroker || item.lost) break;
      received = item.last;
    }
    return received;
  }

  /** Counter of the next message that can get in. */
  get next(): number {
    return this.#next;
  }

  /** First counter whose content has to be read, for the first time or again. */
  get firstNeeded(): number {
    if (this.#missing === 0) return this.#next;
    return this.#items.find(isMissing)?.counter ?? this.#next;
  }

  /** Items in the lane, sent or not. */
  get size(): number {
    return this.#items.length;
  }

  /** Still to be sent. Counts each time that it is asked. */
  get unsent(): number {
    return this.#items.reduce((sum, { state, lost }) => (state === 'queued' && !lost ? sum + 1 : sum), 0);
  }

  /** Sent, and not acknowledged yet. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Those in flight that wait for an answer of the broker, not for our own record. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** Whether the broker owes no answer for longer than this one. Brokers answer in order: [MQTT-4.6.0-2]. */
  isOldestUnanswered(item: LaneItem): boolean {
    return this.#items.find(({ state }) => state === 'sent' || state === 'released') === item;
  }

  /** Highest counter whose packet id the broker's session may hold; 0: none. */
  get highestMayBeHeld(): number {
    return this.#heldIds.upTo;
  }

  /** Whether a PUBLISH of this message may be a repeat. */
  mayBeHeld(item: LaneItem): boolean {
    return this.#heldIds.mayHave(item.counter);
  }

  /** Whether a loss was decided that the durable record must hold before the lane goes on. */
  waitsForRecord(recorded: number): boolean {
    return this.#settlement.waitsForRecord(recorded);
  }

  /** Takes the messages of a batch whose counters are next; those below were handled before. Returns how many it took. */
  take(batch: Batch): number {
    if (this.#missing > 0) this.#fill(batch);
    if (batch.first > this.#next) this.lose(batch.first - 1);
    const skip = this.#next - batch.first;
    if (skip > 0 && skip >= batch.messages.length) return 0;
    for (let index = Math.max(0, skip); index < batch.messages.length; index += 1) {
      this.#items.push({ ...newItem(batch.first + index), message: batch.messages[index], batch });
    }
    const taken = batch.last + 1 - this.#next;
    this.#next = batch.last + 1;
    return taken;
  }

  /** Notes that the messages from the next one up to `last` are gone for good. */
  lose(last: number): void {
    // A packet id that the broker may hold is released by itself, or it would swallow the next message with that id.
    for (; this.#next <= Math.min(last, this.#heldIds.upTo); this.#next += 1) {
      this.#items.push({ ...newItem(this.#next), lost: true, gone: true });
    }
    if (last < this.#next) return;
    this.#items.push({ ...newItem(this.#next, last), lost: true, gone: true });
    this.#next = last + 1;
  }

  /** Notes that what was not read again up to `last` never will be. */
  forgo(last: number): void {
    if (this.#missing === 0) return;
    for (const item of this.#items) if (item.counter <= last && isMissing(item)) giveUp(item);
    this.#recount();
  }

  /**
   * The next item to send; undefined when there is none, or it must wait.
   * @param limit highest counter that may be sent
   * @param recorded highest counter that is durably settled
   */
  peek(limit: number, recorded: number): LaneItem | undefined {
    let item = this.#items[this.#unsent];
    while (item && ((item.state !== 'queued' && !item.lost) || item.isPoison)) {
      this.#unsent += 1;
      item = this.#items[this.#unsent];
    }
    if (!item || item.lost || item.message === undefined || item.counter > limit || this.waitsForRecord(recorded))
      return undefined;
    return item;
  }

  /** The first message still to be sent, whether it may be now or not. `leavesOut` says of a counter that it is not. */
  firstUnsent(leavesOut: (counter: number) => boolean): LaneItem | undefined {
    return this.#items.find(({ state, lost, counter }) => state === 'queued' && !lost && !leavesOut(counter));
  }

  /** The message with this counter, if it is in the lane with its content. */
  find(counter: number): LaneItem | undefined {
    return this.#items.find((item) => item.counter === counter && item.message !== undefined && !item.lost);
  }

  /** Counters of the messages of which the broker has acknowledged nothing. */
  get unacknowledged(): number[] {
    return this.#items.filter(({ state }) => state === 'sent').map(({ counter }) => counter);
  }

  /** Leaves out what `peek` returned until the session ends; nothing behind it is settled meanwhile. */
  hold(item: LaneItem): void {
    item.state = 'held';
  }

  /** Such a message is in DEADLETTER. Returns false if it is no longer in the lane: then it comes, and is put there, again. */
  setAside(item: LaneItem): boolean {
    if (!this.#items.includes(item)) return false;
    item.lost = true;
    item.isPoison = true;
    item.state = 'queued';
    return true;
  }

  /**
   * QoS 2: the next item to release; undefined when there is none, or it must wait.
   * @param recorded highest counter that is durably received
   */
  peekRelease(recorded: number): LaneItem | undefined {
    for (const item of this.#items) {
      if (isDone(item) || item.state === 'released') continue;
      if (item.lost) return this.#holdsId(item) ? item : undefined;
      return item.state === 'received' && item.counter <= recorded ? item : undefined;
    }
    return undefined;
  }

  /**
   * Marks what `peek` returned as sent.
   * @param held whether the broker's session keeps its packet id until we release it
   */
  sent(item: LaneItem, held = false): void {
    item.state = 'sent';
    item.isRefused = false;
    this.#unsent += 1;
    this.#inFlight += 1;
    this.#unanswered += 1;
    if (held) this.#heldIds.sent(item.counter);
  }

  /** QoS 2: the broker has the message (PUBREC). */
  received(item: LaneItem): void {
    if (item.state !== 'sent') return;
    item.state = 'received';
    this.#unanswered -= 1;
  }

  /** The broker has refused the message for good: what it waits for now is not the broker. */
  refused(item: LaneItem): void {
    if (item.state !== 'sent') return;
    item.state = 'refused';
    item.isRefused = true;
    this.#unanswered -= 1;
  }

  /** Marks what `peekRelease` returned as released. */
  released(item: LaneItem): void {
    if (item.state === 'queued') this.#inFlight += 1;
    item.state = 'released';
    this.#unanswered += 1;
  }

  /** An item needs nothing more: it was acknowledged, or set aside. Has no effect on the counters by itself. */
  acknowledged(item: LaneItem, outcome: 'delivered' | 'aside'): void {
    const { state } = item;
    if (state !== 'sent' && state !== 'released' && state !== 'refused') return;
    item.state = outcome === 'aside' ? 'aside' : 'acknowledged';
    this.#inFlight -= 1;
    if (state !== 'refused') this.#unanswered -= 1;
  }

  /** Moves the settled counter over everything that is contiguously done. Returns whether it moved. */
  advance(): boolean {
    let done = 0;
    for (const item of this.#items) {
      if (item.lost ? this.#holdsId(item) : !isDone(item)) break;
      this.#settlement.settle(item);
      done += 1;
    }
    if (done === 0) return false;
    const removed = this.#items.splice(0, done);
    if (this.#missing > 0) this.#missing -= removed.filter(isMissing).length;
    this.#unsent = Math.max(0, this.#unsent - done);
    return true;
  }

  /**
   * The connection is gone: what was not answered will be sent, or released, again, in order.
   * @param recorded highest counter that is durably received: a PUBREC that is not recorded proves nothing, since a
   *   broker may send one with MQTT 3.1.1 for a message that it has no room for, before it closes
   */
  sessionLost(recorded = 0): void {
    for (const item of this.#items) {
      if (item.state === 'held' || item.state === 'refused') item.state = 'queued';
      if (item.state === 'released') item.state = item.lost ? 'queued' : 'received';
      if (item.state === 'sent' || (item.state === 'received' && item.counter > recorded)) item.state = 'queued';
    }
    this.#recount();
  }

  /**
   * The broker has nothing of a former session: everything that is not acknowledged will be sent again.
   * @returns how many of them had been sent before, so that the broker may have passed them on
   */
  startAnew(): number {
    const { sentUpTo } = this.#heldIds;
    let uncertain = Math.max(0, sentUpTo - this.settled);
    for (const item of this.#items) {
      if ((isDone(item) || item.isRefused) && item.counter <= sentUpTo) uncertain -= 1;
      if (!isDone(item)) item.state = 'queued';
      if (item.gone && item.state === 'queued') item.lost = true;
    }
    this.#heldIds.clear(this.settled);
    this.#recount();
    return Math.max(0, uncertain);
  }

  /** Removes what is not sent; the lane then expects those messages again, from the waiting room. */
  removeUnsent(): void {
    const first = this.#items.findIndex(({ state }) => state === 'queued');
    // What is in flight, or acknowledged but not settled, stays, and so does all in front of it: it must not be sent twice.
    // That may be what was set aside, and waits for its packet id to be released.
    const kept = this.#items.findLastIndex((item) => isInFlight(item) || isDone(item));
    if (first >= 0) this.#items = this.#items.slice(0, Math.max(first, kept + 1));
    this.#next = (this.#items.at(-1)?.last ?? this.settled) + 1;
    this.#recount();
  }

  /** Gives items that lack their content what the batch has of them; what it proves to be gone is given up. */
  #fill(batch: Batch): void {
    for (const item of this.#items) {
      if (item.counter > batch.last || !isMissing(item)) continue;
      if (item.counter < batch.first) {
        giveUp(item);
        continue;
      }
      item.message = batch.messages[item.counter - batch.first];
      item.batch = batch;
    }
    this.#recount();
  }

  /** Whether a lost item's packet id must be released, or is being released. */
  #holdsId(item: LaneItem): boolean {
    return this.#heldIds.mayHave(item.counter) && item.state !== 'acknowledged';
  }

  #recount(): void {
    const count = (condition: (item: LaneItem) => boolean) => this.#items.filter(condition).length;
    this.#inFlight = count(isInFlight);
    this.#unanswered = count(({ state }) => state === 'sent' || state === 'released');
    this.#missing = count(isMissing);
    this.#unsent = this.#items.findIndex(({ state, lost }) => state === 'queued' || lost);
    if (this.#unsent < 0) this.#unsent = this.#items.length;
  }
}
