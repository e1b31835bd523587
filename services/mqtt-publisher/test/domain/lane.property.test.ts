import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Lane } from '../../src/domain/lane.ts';
import type { LaneItem } from '../../src/domain/lane-item.ts';
import { batchOf } from '../support/batches.ts';

const EVERYTHING = Number.POSITIVE_INFINITY;

/**
 * A lane beside what must be true of it. The line that feeds it holds batches of one to four messages; some are gone
 * (evicted) and never come.
 */
class Model {
  readonly #lane: Lane;
  readonly #batches: { first: number; last: number; gone: boolean }[] = [];
  /** What is fed next. */
  #position = 0;
  #inFlight: LaneItem[] = [];
  /** Those in flight that the broker has refused: they wait for DEADLETTER. */
  readonly #refused = new Set<LaneItem>();
  readonly #done = new Set<number>();
  readonly #aside = new Set<number>();
  readonly #gone = new Set<number>();
  #sentInSession = 0;
  #recorded = 0;
  #settled = 0;
  readonly #start: number;

  constructor(start: number, shape: readonly { size: number; gone: boolean }[]) {
    this.#start = start;
    this.#lane = new Lane({ settled: start, lost: 0, aside: 0 });
    this.#settled = start;
    this.#recorded = start;
    let first = start + 1;
    for (const { size, gone } of shape) {
      const last = first + size - 1;
      this.#batches.push({ first, last, gone });
      if (gone) for (let counter = first; counter <= last; counter += 1) this.#gone.add(counter);
      first = last + 1;
    }
  }

  /** Feeds the next batch that still exists, or an earlier one once more. */
  take(again: number | undefined): void {
    const before = this.#lane.next;
    if (again !== undefined && this.#position > 0) {
      const batch = this.#batches[again % this.#position];
      if (!batch || batch.gone || batch.first > before) return;
      const taken = this.#lane.take(batchOf(batch.first, batch.last));
      expect(taken).toBe(Math.max(0, batch.last + 1 - before));
      return;
    }
    while (this.#batches[this.#position]?.gone) this.#position += 1;
    const batch = this.#batches[this.#position];
    if (!batch) return;
    this.#position += 1;
    this.#lane.take(batchOf(batch.first, batch.last));
    expect(this.#lane.next).toBe(Math.max(before, batch.last + 1));
  }

  /** Sends up to `window` messages. */
  send(window: number): void {
    for (let count = 0; count < window; count += 1) {
      const item = this.#lane.peek(EVERYTHING, this.#recorded);
      if (!item) return;
      expect(item.counter).toBeGreaterThan(this.#sentInSession);
      expect(this.#gone.has(item.counter)).toBe(false);
      expect(this.#done.has(item.counter)).toBe(false);
      expect(Number(Buffer.from(item.message!.payload))).toBe(item.counter);
      for (const counter of this.#gone) {
        if (counter < item.counter) expect(counter).toBeLessThanOrEqual(this.#recorded);
      }
      this.#sentInSession = item.counter;
      this.#lane.sent(item);
      this.#inFlight.push(item);
    }
  }

  /** The broker answers one of those in flight, whichever. */
  acknowledge(pick: number, answer: 'delivered' | 'aside'): void {
    const [item] = this.#inFlight.splice(pick % Math.max(1, this.#inFlight.length), 1);
    if (!item) return;
    const outcome = this.#refused.delete(item) ? 'aside' : answer;
    this.#lane.acknowledged(item, outcome);
    this.#done.add(item.counter);
    if (outcome === 'aside') this.#aside.add(item.counter);
  }

  /** The broker refuses one of those in flight for good; its place in DEADLETTER comes later, or never. */
  refuse(pick: number): void {
    const item = this.#inFlight[pick % Math.max(1, this.#inFlight.length)];
    if (!item) return;
    this.#lane.refused(item);
    this.#refused.add(item);
  }

  advance(): void {
    const moved = this.#lane.advance();
    expect(this.#lane.settled > this.#settled).toBe(moved);
    this.#settled = this.#lane.settled;
  }

  record(): void {
    this.#recorded = this.#lane.settled;
  }

  loseSession(): void {
    this.#lane.sessionLost();
    this.#inFlight = [];
    this.#refused.clear();
    this.#sentInSession = 0;
  }

  /** What is not sent goes back to where it came from, and is fed again. */
  removeUnsent(): void {
    this.#lane.removeUnsent();
    for (const counter of this.#done) expect(counter).toBeLessThan(this.#lane.next);
    this.#position = this.#batches.findIndex((batch) => batch.last >= this.#lane.next);
    if (this.#position < 0) this.#position = this.#batches.length;
  }

  check(): void {
    const { settled, lost, aside, inFlight, unanswered, next } = this.#lane;
    expect(settled).toBeGreaterThanOrEqual(this.#settled);
    for (let counter = this.#start + 1; counter <= settled; counter += 1) {
      expect(this.#done.has(counter) || this.#gone.has(counter), `${counter} is settled unacknowledged`).toBe(true);
    }
    expect(lost).toBe([...this.#gone].filter((counter) => counter <= settled).length);
    expect(aside).toBe([...this.#aside].filter((counter) => counter <= settled).length);
    expect(inFlight).toBe(this.#inFlight.length);
    expect(unanswered).toBe(this.#inFlight.length - this.#refused.size);
    const owed = this.#inFlight.filter((item) => !this.#refused.has(item));
    for (const item of this.#inFlight) expect(this.#lane.isOldestUnanswered(item)).toBe(item === owed[0]);
    expect(next).toBeGreaterThan(settled);
  }

  /** A broker that behaves, and nothing else: everything comes to its end. */
  finish(): void {
    for (let round = 0; round <= this.#batches.length; round += 1) {
      this.take(undefined);
      this.advance();
      this.record();
      this.send(EVERYTHING);
      while (this.#inFlight.length > 0) this.acknowledge(0, 'delivered');
      this.advance();
      this.record();
    }
    const lastThere = this.#batches.findLast((batch) => !batch.gone)?.last ?? this.#start;
    expect(this.#lane.settled).toBeGreaterThanOrEqual(lastThere);
    expect(this.#lane.size).toBe(0);
    this.check();
  }
}

type Step = (model: Model) => void;

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>((model) => model.take(undefined)) },
  {
    weight: 1,
    arbitrary: fc.nat().map(
      (again): Step =>
        (model) =>
          model.take(again),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1, max: 6 }).map(
      (window): Step =>
        (model) =>
          model.send(window),
    ),
  },
  {
    weight: 6,
    arbitrary: fc.nat().map(
      (pick): Step =>
        (model) =>
          model.acknowledge(pick, 'delivered'),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat().map(
      (pick): Step =>
        (model) =>
          model.acknowledge(pick, 'aside'),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat().map(
      (pick): Step =>
        (model) =>
          model.refuse(pick),
    ),
  },
  { weight: 4, arbitrary: fc.constant<Step>((model) => model.advance()) },
  { weight: 3, arbitrary: fc.constant<Step>((model) => model.record()) },
  { weight: 1, arbitrary: fc.constant<Step>((model) => model.loseSession()) },
  { weight: 1, arbitrary: fc.constant<Step>((model) => model.removeUnsent()) },
);

const shape = fc.array(
  fc.record({
    size: fc.integer({ min: 1, max: 4 }),
    gone: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  }),
  { minLength: 1, maxLength: 20 },
);

describe('any interleaving of feeding, sending, answers in any order and lost sessions', () => {
  test('nothing unacknowledged is settled, order is kept within a session, losses are counted exactly', () => {
    fc.assert(
      fc.property(fc.nat({ max: 50 }), shape, fc.array(step, { maxLength: 100 }), (start, batches, steps) => {
        const model = new Model(start, batches);
        for (const act of steps) {
          act(model);
          model.check();
        }
        model.finish();
      }),
      { numRuns: 500 },
    );
  });
});
