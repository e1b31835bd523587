import { expect, test } from 'vitest';
import { SharedRequest } from '../../src/lifecycle/index.ts';

test('who comes while a request is under way shares the next one, which is sent after they asked', async () => {
  const sent: PromiseWithResolvers<number>[] = [];
  const shared = new SharedRequest(() => {
    const request = Promise.withResolvers<number>();
    sent.push(request);
    return request.promise;
  });
  const first = shared.get();
  const [second, third] = [shared.get(), shared.get()];
  expect(sent).toHaveLength(1);
  sent[0]!.resolve(1);
  expect(await first).toBe(1);
  await new Promise(setImmediate);
  expect(sent).toHaveLength(2);
  sent[1]!.resolve(2);
  expect(await Promise.all([second, third])).toEqual([2, 2]);
  await new Promise(setImmediate);
  expect(sent).toHaveLength(2);
});

test('a request that failed is over', async () => {
  let count = 0;
  const shared = new SharedRequest(async () => {
    count += 1;
    if (count === 1) throw new Error('away');
    return count;
  });
  const outcomes = await Promise.allSettled([shared.get(), shared.get()]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  expect(await shared.get()).toBe(3);
});
