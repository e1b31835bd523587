import { ALL_PARTS } from '@gatecast/shared/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Chain } from '../../src/domain/chain.ts';
import { ChainWorld, type Fate, type Manner, type Source, workOf } from './chain-world.ts';

const LIMITS = { maxBytes: 1e6, maxMessages: 500 };
const PLAIN: Manner = { messagesPerReading: 1, metadata: 0, maxMessages: 500 };

function chainFrom(start: ConstructorParameters<typeof Chain>[0]): Chain {
  const chain = new Chain(start);
  chain.begin('A', 'fleet');
  return chain;
}

const work = (sequence: number, readings: number, manner = PLAIN) => workOf({ sequence, readings }, manner, 0);

describe('Chain', () => {
  it('counts from 1, and expects nothing in a new subject', () => {
    const chain = chainFrom(undefined);
    expect(chain.next(work(7, 3), LIMITS)).toBeUndefined();
    chain.adoptTail(undefined);
    expect(chain.next(work(7, 3), LIMITS)).toMatchObject({
      incarnation: 'A',
      source: { sequence: 7, part: 4, parts: 4 },
      first: 1,
      expectLast: 0,
    });
  });

  it('goes on with counter and expectation after each message', () => {
    const chain = chainFrom(undefined);
    chain.adoptTail(undefined);
    const first = chain.next(work(7, 3), LIMITS);
    chain.emitted(first!, 41);
    expect(chain.next(work(7, 3), LIMITS)).toBeUndefined();
    expect(chain.next(work(9, 2), LIMITS)).toMatchObject({ first: 4, expectLast: 41 });
    expect(chain.progress).toEqual({ i: 'A', c: 3, s: 7, p: ALL_PARTS });
  });

  it('splits a source by the limits, at readings', () => {
    const chain = chainFrom(undefined);
    chain.adoptTail(undefined);
    const source = work(7, 5, { messagesPerReading: 2, metadata: 0, maxMessages: 0 });
    const parts: unknown[] = [];
    for (let one = chain.next(source, { ...LIMITS, maxMessages: 5 }); one; ) {
      parts.push([one.source.part, one.first, one.messages.length]);
      chain.emitted(one, 40 + parts.length);
      one = chain.next(source, { ...LIMITS, maxMessages: 5 });
    }
    expect(parts).toEqual([
      [3, 1, 4],
      [5, 5, 4],
      [6, 9, 2],
    ]);
  });

  it('sends a reading that is above the limits alone', () => {
    const chain = chainFrom(undefined);
    chain.adoptTail(undefined);
    const source = work(7, 2, { messagesPerReading: 9, metadata: 0, maxMessages: 0 });
    expect(chain.next(source, { ...LIMITS, maxMessages: 5 })?.messages).toHaveLength(9);
  });

  it('keeps a part of the metadata below the first step', () => {
    const chain = chainFrom(undefined);
    chain.adoptTail(undefined);
    const source = work(7, 1, { messagesPerReading: 1, metadata: 3, maxMessages: 0 });
    const first = chain.next(source, { ...LIMITS, maxMessages: 2 });
    expect(first).toMatchObject({ source: { part: 0, parts: 2 }, unitsDone: 2 });
    chain.emitted(first!, 41);
    expect(chain.progress).toEqual({ i: 'A', c: 2, s: 7, p: 0 });
    expect(chain.next(source, { ...LIMITS, maxMessages: 2 })).toMatchObject({ source: { part: 2 }, first: 3 });
  });

  it('takes the larger counter and the later source of record and tail', () => {
    const tail = { sequence: 41, incarnation: 'A', source: { sequence: 9, part: 2, parts: 3 }, first: 20, count: 5 };
    const behind = chainFrom({ i: 'A', c: 10, s: 7, p: ALL_PARTS });
    behind.adoptTail(tail);
    expect(behind.progress).toEqual({ i: 'A', c: 24, s: 9, p: 2 });
    const ahead = chainFrom({ i: 'A', c: 30, s: 12, p: ALL_PARTS });
    ahead.adoptTail(tail);
    expect(ahead.progress).toEqual({ i: 'A', c: 30, s: 12, p: ALL_PARTS });
    expect(ahead.next(work(13, 1), LIMITS)).toMatchObject({ first: 31, expectLast: 41 });
  });

  it('does not begin anew because the subject was emptied', () => {
    const chain = chainFrom({ i: 'A', c: 30, s: 12, p: ALL_PARTS });
    chain.adoptTail(undefined);
    expect(chain.next(work(11, 4), LIMITS)).toBeUndefined();
    expect(chain.next(work(12, 4), LIMITS)).toBeUndefined();
    expect(chain.next(work(13, 4), LIMITS)).toMatchObject({ first: 31, expectLast: 0 });
  });

  it('counts a new registration from 1, behind what the former one has left', () => {
    const chain = new Chain({ i: 'A', c: 30, s: 12, p: ALL_PARTS });
    chain.begin('B', 'fleet');
    chain.adoptTail({
      sequence: 41,
      incarnation: 'A',
      source: { sequence: 12, part: 2, parts: 2 },
      first: 29,
      count: 2,
    });
    expect(chain.next(work(13, 1), LIMITS)).toMatchObject({ incarnation: 'B', first: 1, expectLast: 41 });
  });

  it('asks for the tail of a new line', () => {
    const chain = chainFrom(undefined);
    chain.adoptTail(undefined);
    chain.begin('A', 'other');
    expect(chain.knowsTail).toBe(false);
  });

  it('passes a source of which nothing is emitted', () => {
    const chain = chainFrom({ i: 'A', c: 30, s: 12, p: ALL_PARTS });
    chain.adoptTail(undefined);
    chain.finished(20);
    expect(chain.progress).toEqual({ i: 'A', c: 30, s: 20, p: ALL_PARTS });
  });
});

const sources = fc
  .array(fc.record({ gap: fc.integer({ min: 1, max: 3 }), readings: fc.integer({ min: 0, max: 6 }) }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((list) => {
    let sequence = 0;
    return list.map(({ gap, readings }): Source => {
      sequence += gap;
      return { sequence, readings };
    });
  });
const manner: fc.Arbitrary<Manner> = fc.record({
  messagesPerReading: fc.integer({ min: 1, max: 3 }),
  metadata: fc.integer({ min: 0, max: 4 }),
  maxMessages: fc.integer({ min: 1, max: 6 }),
});
type Op = { step: Fate } | { crash: Manner } | 'record' | 'purge' | 'land';
const fate = fc.constantFrom<Fate>('acknowledged', 'acknowledged', 'acknowledged', 'stored_unheard', 'lost', 'late');
const ops: fc.Arbitrary<Op[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: fate.map((step): Op => ({ step })) },
    { weight: 1, arbitrary: manner.map((crash): Op => ({ crash })) },
    { weight: 2, arbitrary: fc.constantFrom<Op>('record', 'purge', 'land') },
  ),
  { maxLength: 200 },
);

function play(world: ChainWorld, op: Op): void {
  if (op === 'record') world.writeRecord();
  else if (op === 'purge') world.purge();
  else if (op === 'land') world.landLate();
  else if ('step' in op) world.step(op.step);
  else world.crash(op.crash);
}

/** The readings whose messages came together, each with all of its messages in order; anything else stays as it is. */
function wholeReadings(labels: readonly string[]): string[] {
  const readings: string[] = [];
  for (let at = 0; at < labels.length; ) {
    const [reading = '', part = ''] = labels[at]?.split(' ') ?? [];
    const count = Number(part.split('/')[1]);
    const group = Array.from({ length: count }, (_, index) => `${reading} ${index + 1}/${count}`);
    const isWhole = group.every((label, index) => labels[at + index] === label);
    readings.push(isWhole ? reading : `broken: ${labels[at]}`);
    at += isWhole ? count : 1;
  }
  return readings;
}

/** Lets everything happen that is still to happen, then checks what the publisher has taken. */
function finish(world: ChainWorld, list: readonly Source[]): void {
  while (world.hasLatePublish) world.landLate();
  for (let step = 0; !world.isFinished && step < 10_000; step += 1) world.step('acknowledged');
  const expected = list.flatMap((one) => Array.from({ length: one.readings }, (_, at) => `${one.sequence}.${at}`));
  expect(wholeReadings(world.taken.filter((label) => label !== 'metadata'))).toEqual(expected);
  expect(world.gaps).toEqual([]);
}

describe('a chain through crashes, unknown outcomes and purges', () => {
  it('gets every reading to the publisher once and in order, counted without gaps, when settings change meanwhile', () => {
    fc.assert(
      fc.property(sources, manner, ops, (list, first, steps) => {
        const world = new ChainWorld(list, first);
        for (const op of steps) {
          // A publish that is delayed beyond a purge, and was encoded by other settings than its successor: not covered.
          if (op === 'purge' && world.hasLatePublish) continue;
          play(world, op);
        }
        finish(world, list);
      }),
      { numRuns: 2_000 },
    );
  });

  it('does so for publishes that are delayed for any time', () => {
    fc.assert(
      fc.property(sources, manner, ops, (list, same, steps) => {
        const world = new ChainWorld(list, same);
        for (const op of steps) play(world, typeof op === 'object' && 'crash' in op ? { crash: same } : op);
        finish(world, list);
      }),
      { numRuns: 2_000 },
    );
  });
});
