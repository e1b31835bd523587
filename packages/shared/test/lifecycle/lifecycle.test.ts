import { expect, test } from 'vitest';
import { Lifecycle } from '../../src/lifecycle/index.ts';
import { createLogger } from '../../src/logging/index.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

function setUp() {
  const lines: { level: string; message: string; from?: string; to?: string; phase?: string }[] = [];
  const log = createLogger(
    { service: 'test', instance: 'test', level: 'debug' },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  const clock = new ManualClock();
  return { lifecycle: new Lifecycle(log, clock), clock, lines };
}

test('goes through its states, and logs each change', async () => {
  const { lifecycle, lines } = setUp();
  const seen: string[] = [lifecycle.state];
  lifecycle.onStop('part', 1_000, async () => void seen.push(lifecycle.state));
  lifecycle.started();
  seen.push(lifecycle.state);
  expect(await lifecycle.stop()).toBe(true);
  seen.push(lifecycle.state);
  expect(seen).toEqual(['starting', 'running', 'draining', 'stopped']);
  expect(lines.filter(({ message }) => message === 'lifecycle').map(({ from, to }) => `${from} to ${to}`)).toEqual([
    'starting to running',
    'running to draining',
    'draining to stopped',
  ]);
});

test('is draining as soon as stop is asked for', async () => {
  const { lifecycle } = setUp();
  lifecycle.onStop('part', 1_000, async () => {});
  lifecycle.started();
  const stopped = lifecycle.stop();
  expect(lifecycle.state).toBe('draining');
  await stopped;
});

test('stops one phase after the other, the last started first', async () => {
  const { lifecycle, clock } = setUp();
  const events: string[] = [];
  for (const name of ['nats', 'view', 'server']) {
    lifecycle.onStop(name, 1_000, async () => {
      events.push(`${name} begins`);
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, 100));
      events.push(`${name} ends`);
    });
  }
  const stopped = lifecycle.stop();
  await clock.advance(300);
  expect(await stopped).toBe(true);
  expect(events).toEqual(['server begins', 'server ends', 'view begins', 'view ends', 'nats begins', 'nats ends']);
  expect(clock.pendingTimers).toBe(0);
});

test('a phase that hangs is left behind at its deadline, and the others still stop', async () => {
  const { lifecycle, clock, lines } = setUp();
  const stoppedPhases: string[] = [];
  lifecycle.onStop('nats', 1_000, async () => void stoppedPhases.push('nats'));
  lifecycle.onStop('hung', 5_000, () => new Promise(() => {}));
  lifecycle.onStop('server', 1_000, async () => void stoppedPhases.push('server'));
  const stopped = lifecycle.stop();
  await clock.advance(4_999);
  expect(stoppedPhases).toEqual(['server']);
  await clock.advance(1);
  expect(await stopped).toBe(false);
  expect(stoppedPhases).toEqual(['server', 'nats']);
  expect(lifecycle.state).toBe('stopped');
  expect(lines.find(({ level }) => level === 'error')).toMatchObject({ phase: 'hung', err: { code: 'STOP_DEADLINE' } });
});

test('a phase that fails, at once or later, does not keep the others from stopping', async () => {
  const { lifecycle, lines } = setUp();
  let isStopped = false;
  lifecycle.onStop('first', 1_000, async () => {
    isStopped = true;
  });
  lifecycle.onStop('rejects', 1_000, () => Promise.reject(new Error('no')));
  lifecycle.onStop('throws', 1_000, () => {
    throw new Error('no');
  });
  expect(await lifecycle.stop()).toBe(false);
  expect(isStopped).toBe(true);
  expect(lines.filter(({ level }) => level === 'error').map(({ phase }) => phase)).toEqual(['throws', 'rejects']);
});

test('stops once, however often it is asked to', async () => {
  const { lifecycle } = setUp();
  let stops = 0;
  lifecycle.onStop('part', 1_000, async () => {
    stops += 1;
  });
  expect(await Promise.all([lifecycle.stop(), lifecycle.stop(), lifecycle.stop()])).toEqual([true, true, true]);
  await lifecycle.stop();
  expect(stops).toBe(1);
});

test('what has started after stop was asked for does not count as running', async () => {
  const { lifecycle } = setUp();
  lifecycle.onStop('part', 1_000, async () => {});
  const stopped = lifecycle.stop();
  lifecycle.started();
  expect(lifecycle.state).toBe('draining');
  await stopped;
  lifecycle.started();
  expect(lifecycle.state).toBe('stopped');
});

test('a part that registers while the service stops is stopped too', async () => {
  const { lifecycle, clock } = setUp();
  const stoppedPhases: string[] = [];
  lifecycle.onStop('early', 1_000, async () => {
    await new Promise<void>((resolve) => void clock.setTimeout(resolve, 100));
    stoppedPhases.push('early');
  });
  const stopped = lifecycle.stop();
  lifecycle.onStop('late', 1_000, async () => void stoppedPhases.push('late'));
  await clock.advance(100);
  expect(await stopped).toBe(true);
  expect(stoppedPhases.sort()).toEqual(['early', 'late']);
});
