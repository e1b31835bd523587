import { describe, expect, test } from 'vitest';
import { identityOf } from '../../src/application/exactly-once.ts';
import { NO_LIMITS } from '../support/fake-session.ts';
import { LineHarness } from '../support/line-harness.ts';
import { settingsOf } from '../support/settings.ts';

const SETTINGS = settingsOf({ qos: 2 });

describe('what has to be durable before the session goes on', () => {
  test('is so by a record that was built after it was decided, not by one before; a copy does as well', () => {
    const { line } = new LineHarness();
    const before = line.checkpoint();
    line.exactlyOnce.opened(SETTINGS, NO_LIMITS);
    const after = structuredClone(line.checkpoint());
    line.recordedAs(before);
    expect(line.exactlyOnce.waitsForRecord).toBe(true);
    line.recordedAs(after);
    expect(line.exactlyOnce.waitsForRecord).toBe(false);
    expect(line.checkpoint().v).toBeUndefined();
  });

  test("is not so by a predecessor's record that is written on: its decisions are not ours", () => {
    const predecessor = { i: 'first', s: 0, v: 3 };
    const { line } = new LineHarness({ checkpoint: predecessor });
    line.exactlyOnce.opened(SETTINGS, NO_LIMITS);
    line.recordedAs(predecessor);
    expect(line.exactlyOnce.waitsForRecord).toBe(true);
    line.recordedAs(line.checkpoint());
    expect(line.exactlyOnce.waitsForRecord).toBe(false);
  });

  test('when something else is decided meanwhile, that has to be as well', () => {
    const { line } = new LineHarness();
    line.exactlyOnce.opened(SETTINGS, NO_LIMITS);
    const first = line.checkpoint();
    line.exactlyOnce.opened({ ...SETTINGS, clientId: 'another' }, NO_LIMITS);
    const second = line.checkpoint();
    line.recordedAs(first);
    expect(line.exactlyOnce.waitsForRecord).toBe(true);
    line.recordedAs(second);
    expect(line.exactlyOnce.waitsForRecord).toBe(false);
  });
});

test('a CONNECT at a lower QoS may replace the session, too: the record says first that it is on its way', async () => {
  const harness = new LineHarness({ checkpoint: { i: 'first', s: 0, r: 2, b: identityOf(SETTINGS)! } });
  const { line } = harness;
  let isReady = false;
  void line.exactlyOnce.prepare({ ...SETTINGS, qos: 1 }, new AbortController().signal).then(({ cleanStart }) => {
    isReady = cleanStart;
  });
  await harness.settle();
  const marked = line.checkpoint();
  expect([isReady, marked.u]).toEqual([false, 1]);
  line.recordedAs(marked);
  await harness.settle();
  expect(isReady).toBe(true);
});

describe('a broker that takes no QoS 2 any more', () => {
  const lowered = { sessionPresent: true, maximumQos: 1 } as const;

  test('and ends every session in which it is told to release something: has to forget it', async () => {
    const { line } = new LineHarness({ checkpoint: { i: 'first', s: 0, r: 2, b: identityOf(SETTINGS)! } });
    const prepare = async () => {
      const prepared = line.exactlyOnce.prepare(SETTINGS, new AbortController().signal);
      line.recordedAs(line.checkpoint());
      return await prepared;
    };
    for (let session = 1; session <= 3; session += 1) {
      expect(await prepare()).toEqual({ cleanStart: false });
      line.exactlyOnce.opened(SETTINGS, lowered);
      expect(line.exactlyOnce.isWindingDown).toBe(true);
    }
    expect(await prepare()).toEqual({ cleanStart: true });
    line.exactlyOnce.opened(SETTINGS, { ...lowered, sessionPresent: false });
    expect(line.exactlyOnce.isWindingDown).toBe(false);
    expect(line.checkpoint()).toMatchObject({ s: 0, o: 1, d: 2 });
    expect(await prepare()).toEqual({ cleanStart: false });
  });

  test('is not made to forget it before the record says that the session may be another one', async () => {
    const harness = new LineHarness({ checkpoint: { i: 'first', s: 0, r: 2, b: identityOf(SETTINGS)! } });
    const { line } = harness;
    for (let session = 1; session <= 3; session += 1) line.exactlyOnce.opened(SETTINGS, lowered);
    line.recordedAs(line.checkpoint());
    let cleanStart: boolean | undefined;
    void line.exactlyOnce.prepare(SETTINGS, new AbortController().signal).then((prepared) => {
      cleanStart = prepared.cleanStart;
    });
    const marked = line.checkpoint();
    await harness.settle();
    expect([cleanStart, marked.u]).toEqual([undefined, 1]);
    line.recordedAs(marked);
    await harness.settle();
    expect(cleanStart).toBe(true);
  });

  test('leaves nothing to release for a successor', () => {
    const { line } = new LineHarness({ checkpoint: { i: 'first', s: 2, b: identityOf(SETTINGS)!, o: 1 } });
    line.exactlyOnce.opened(SETTINGS, lowered);
    expect([line.exactlyOnce.isWindingDown, line.lane.highestMayBeHeld]).toEqual([false, 0]);
  });
});

test('a lost session while the gateway is behind: what the predecessor had sent is read again, and sent', async () => {
  const harness = new LineHarness({ checkpoint: { i: 'first', s: 0, r: 1, b: identityOf(SETTINGS)! } });
  const { line } = harness;
  // The moving line has not come so far yet.
  line.brokerIs('away');
  await harness.settle();
  line.exactlyOnce.opened(SETTINGS, NO_LIMITS);
  harness.record();
  line.brokerIs('back');
  await harness.settle();
  harness.offer(1);
  await harness.deliverAll();
  expect([harness.delivered, line.lane.settled]).toEqual([[1], 1]);
});
