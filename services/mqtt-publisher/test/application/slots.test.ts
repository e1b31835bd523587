import { describe, expect, test } from 'vitest';
import { Slots } from '../../src/application/slots.ts';

const { signal: never } = new AbortController();

/** Enters and notes it when in. */
function enter(slots: Slots, key: string, into: string[], name: string, signal: AbortSignal = never) {
  const entered = slots.enter(key, signal);
  void entered.then((leave) => leave && into.push(name));
  return entered;
}

describe('Slots', () => {
  test('no more than the limit at a time; the keys of those who wait take turns', async () => {
    const slots = new Slots(1);
    const inside: string[] = [];
    let leave = await enter(slots, 'a', inside, 'a1');
    const waiting = [enter(slots, 'a', inside, 'a2'), enter(slots, 'a', inside, 'a3'), enter(slots, 'b', inside, 'b1')];
    for (const index of [0, 2, 1]) {
      expect(inside).toHaveLength(index === 0 ? 1 : index === 2 ? 2 : 3);
      leave?.();
      leave = await waiting[index];
    }
    expect(inside).toEqual(['a1', 'a2', 'b1', 'a3']);
  });

  test('who gives up frees the place in the queue and takes none', async () => {
    const slots = new Slots(1);
    const inside: string[] = [];
    const leave = await enter(slots, 'a', inside, 'first');
    const impatient = new AbortController();
    const second = enter(slots, 'a', inside, 'second', impatient.signal);
    const third = enter(slots, 'a', inside, 'third');
    impatient.abort();
    expect(await second).toBeUndefined();
    expect(slots.waiting).toBe(1);
    leave?.();
    await third;
    expect(inside).toEqual(['first', 'third']);
  });

  test('leaving twice frees one place', async () => {
    const slots = new Slots(1);
    const leave = await slots.enter('a', never);
    leave?.();
    leave?.();
    await slots.enter('a', never);
    const inside: string[] = [];
    void enter(slots, 'a', inside, 'too many');
    await new Promise(setImmediate);
    expect(inside).toEqual([]);
  });
});
