import { ManualClock } from '@gatecast/shared/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { ConnectTurns } from '../../src/application/connect-turns.ts';

const RATES = { connectsPerSecond: 1_000, connectBurst: 1_000, connectsPerSecondPerHost: 10, connectBurstPerHost: 5 };
const { signal: never } = new AbortController();

let clock: ManualClock;
let turns: ConnectTurns;
let began: { host: string; atMs: number }[];
let start: number;

function begin(rates = RATES): void {
  clock = new ManualClock();
  turns = new ConnectTurns(rates, clock);
  began = [];
  start = clock.monotonic();
}

beforeEach(() => begin());

function attempt(host: string, count = 1, signal: AbortSignal = never): void {
  for (let n = 0; n < count; n += 1) {
    void turns.next(host, signal).then((isTurn) => {
      if (isTurn) began.push({ host, atMs: clock.monotonic() - start });
    });
  }
}

const beganBy = (ms: number, host?: string) =>
  began.filter((one) => one.atMs <= ms && (host === undefined || one.host === host)).length;

describe('ConnectTurns', () => {
  test('a burst at once, then at the rate: the last of n begins after (n − burst) ÷ rate', async () => {
    attempt('broker:1883', 25);
    await clock.advance(10_000);
    expect(beganBy(0)).toBe(5);
    expect(beganBy(1_000)).toBe(15);
    expect(began.at(-1)!.atMs).toBe(2_000);
    expect(clock.pendingTimers).toBe(0);
  });

  test("one host's queue never delays another host", async () => {
    attempt('storm:1883', 1_000);
    await clock.advance(100);
    for (const host of ['a:1883', 'b:1883', 'c:1883']) attempt(host);
    await clock.advance(0);
    for (const host of ['a:1883', 'b:1883', 'c:1883']) expect(beganBy(100, host)).toBe(1);
  });

  test('where the process is the limit, hosts take turns', async () => {
    begin({ ...RATES, connectsPerSecond: 10, connectBurst: 1, connectBurstPerHost: 100 });
    attempt('storm:1883', 100);
    attempt('small:1883', 2);
    await clock.advance(400);
    expect(beganBy(400, 'small:1883')).toBe(2);
    expect(beganBy(400)).toBe(5);
  });

  test('who gives up costs no turn and leaves no queue', async () => {
    attempt('broker:1883', 5);
    const impatient = new AbortController();
    attempt('broker:1883', 20, impatient.signal);
    attempt('broker:1883');
    await clock.advance(0);
    impatient.abort();
    expect(turns.waiting).toBe(1);
    await clock.advance(100);
    expect(began).toHaveLength(6);
    expect(await turns.next('broker:1883', impatient.signal)).toBe(false);
  });
});
