import { expect, test } from 'vitest';
import { delay, withDeadline } from '../../src/lifecycle/index.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

test('passes on what comes in time, and leaves no timer', async () => {
  const clock = new ManualClock();
  expect(await withDeadline(Promise.resolve(7), 1_000, 'it', clock)).toBe(7);
  await expect(withDeadline(Promise.reject(new TypeError('no')), 1_000, 'it', clock)).rejects.toThrow(TypeError);
  expect(clock.pendingTimers).toBe(0);
});

test('fails at the deadline, naming what took so long', async () => {
  const clock = new ManualClock();
  let outcome: unknown;
  withDeadline(new Promise(() => {}), 1_000, 'closing the door', clock).catch((error: unknown) => {
    outcome = error;
  });
  await clock.advance(999);
  expect(outcome).toBeUndefined();
  await clock.advance(1);
  expect(outcome).toMatchObject({ code: 'STOP_DEADLINE', message: 'closing the door took over 1000 ms' });
});

test('what fails after its deadline is nobody’s unhandled rejection', async () => {
  const clock = new ManualClock();
  const late = Promise.withResolvers<never>();
  const outcome = withDeadline(late.promise, 10, 'it', clock).catch((error: unknown) => error);
  await clock.advance(10);
  expect(await outcome).toMatchObject({ code: 'STOP_DEADLINE' });
  late.reject(new Error('late'));
  await clock.advance(0);
});

test('delay waits for as long as it is told', async () => {
  const clock = new ManualClock();
  let isOver = false;
  delay(1_000, clock).then(() => {
    isOver = true;
  });
  await clock.advance(999);
  expect(isOver).toBe(false);
  await clock.advance(1);
  expect(isOver).toBe(true);
});

test('delay ends at once when it is aborted, before or meanwhile, and leaves nothing behind', async () => {
  const clock = new ManualClock();
  const abort = new AbortController();
  const waiting = [delay(1_000, clock, abort.signal), delay(5_000, clock, abort.signal)];
  abort.abort();
  await Promise.all(waiting);
  await delay(1_000, clock, abort.signal);
  expect(clock.pendingTimers).toBe(0);
});
