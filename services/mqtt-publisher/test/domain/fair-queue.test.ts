import { describe, expect, test } from 'vitest';
import { FairQueue } from '../../src/domain/fair-queue.ts';

const drain = (queue: FairQueue<string>, ready?: (key: string) => boolean) => {
  const items: string[] = [];
  for (let next = queue.next(ready); next; next = queue.next(ready)) items.push(next.item);
  return items;
};

describe('FairQueue', () => {
  test('keys take turns; within a key, first in first out', () => {
    const queue = new FairQueue<string>();
    for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) queue.add(item.slice(0, 1), item);
    expect(drain(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
    expect(queue.size).toBe(0);
  });

  test('a key that is not ready is passed over, and keeps its place', () => {
    const queue = new FairQueue<string>();
    for (const item of ['a1', 'b1', 'a2', 'b2']) queue.add(item.slice(0, 1), item);
    expect(drain(queue, (key) => key === 'b')).toEqual(['b1', 'b2']);
    expect(drain(queue)).toEqual(['a1', 'a2']);
  });

  test('what is removed is gone, wherever it stood', () => {
    const queue = new FairQueue<string>();
    for (const item of ['a1', 'a2', 'a3', 'b1']) queue.add(item.slice(0, 1), item);
    queue.remove('a', 'a2');
    queue.remove('b', 'b1');
    queue.remove('b', 'unknown');
    expect([...queue.keys()]).toEqual(['a']);
    expect(drain(queue)).toEqual(['a1', 'a3']);
  });
});
