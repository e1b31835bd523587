import { describe, expect, it } from 'vitest';
import { KeyedLock } from '../../src/application/keyed-lock.ts';

describe('KeyedLock', () => {
  it('runs tasks of one key one by one, in order, also after one has failed', async () => {
    const lock = new KeyedLock();
    const log: string[] = [];
    const task = (name: string) => async () => {
      log.push(`${name} begins`);
      await Promise.resolve();
      log.push(`${name} ends`);
      if (name === 'b') throw new Error(name);
      return name;
    };
    const results = await Promise.allSettled(['a', 'b', 'c'].map((name) => lock.run('key', task(name))));
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('does not make keys wait for each other', async () => {
    const lock = new KeyedLock();
    const blocked = Promise.withResolvers<void>();
    const first = lock.run('a', () => blocked.promise);
    expect(await lock.run('b', async () => 'done')).toBe('done');
    blocked.resolve();
    await first;
  });
});
