import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { EndOfTurn } from '../../src/lifecycle/end-of-turn.ts';

test('what waits in the same turn goes on together, before what waits in the next one', async () => {
  const endOfTurn = new EndOfTurn();
  const events: string[] = [];
  const waitAs = async (name: string) => {
    await endOfTurn.wait();
    events.push(name);
    queueMicrotask(() => events.push(`after ${name}`));
  };
  const first = [waitAs('a'), waitAs('b'), waitAs('c')];
  expect(events).toEqual([]);
  await nextTurn();
  await Promise.all(first);
  expect(events).toEqual(['a', 'b', 'c', 'after a', 'after b', 'after c']);
  const later = waitAs('d');
  expect(events).toHaveLength(6);
  await later;
  expect(events.slice(6)[0]).toBe('d');
});
