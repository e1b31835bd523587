import type { GatewayCheckpoint } from '@gatecast/shared/model';
import { beforeEach, describe, expect, test } from 'vitest';
import { DeliveryPump } from '../../src/application/delivery-pump.ts';
import type { SessionEnd } from '../../src/domain/session-end.ts';
import type { SessionSettings } from '../../src/domain/session-settings.ts';
import { batchOf, upTo } from '../support/batches.ts';
import { FakeSession, NO_LIMITS } from '../support/fake-session.ts';
import { LineHarness } from '../support/line-harness.ts';
import { SessionHarness } from '../support/session-harness.ts';
import { settingsOf } from '../support/settings.ts';

let harness: LineHarness;
let session: FakeSession;
let pump: DeliveryPump;
let setAside: (number | 'poison')[];

beforeEach(() => {
  harness = new LineHarness();
  setAside = [];
});

function open(settings: Partial<SessionSettings> = {}, sessionPresent = false): void {
  const complete = settingsOf({ advanced: { inFlight: 5 } }, settings);
  session = new FakeSession({ sessionPresent });
  if (complete.qos === 2) harness.line.exactlyOnce.opened(complete, { ...NO_LIMITS, sessionPresent });
  pump = new DeliveryPump(session, complete, 1, harness.line, harness.context, {
    onProof: () => undefined,
    onFailure: () => undefined,
    onSetAside: (why) => setAside.push(why),
  });
  harness.onFed = () => pump.run();
  pump.run();
}

/** A session that takes what it may be sent after a proof and a record, and ends with it in flight. */
function die(settings: Partial<SessionSettings> = {}, end: SessionEnd = 'closed'): number[] {
  open(settings, settings.qos === 2);
  prove();
  const sent = counters();
  pump.close(end);
  return sent;
}

/** The broker answers the PINGREQ, and the record is written. */
function prove(): GatewayCheckpoint {
  session.answerPings();
  const record = harness.record();
  pump.run();
  return record;
}

const counters = () => session.payloads.map(Number);

describe('while nothing is suspect', () => {
  test('nothing is asked of the broker or the record, not even after one session that ended', () => {
    harness.offer(1, 5);
    expect(die()).toEqual(upTo(5));
    open();
    expect([counters(), session.pings]).toEqual([upTo(5), 0]);
    session.acknowledge(1);
    session.acknowledge();
    expect(harness.line.poison.isAlert).toBe(false);
    expect(Object.keys(harness.record())).toEqual(['i', 's', 't']);
    expect(harness.recordRequests.filter((urgency) => urgency === 'now')).toEqual([]);
  });

  test('nor at QoS 0, where nothing is sent twice', () => {
    harness.offer(1, 1);
    for (let n = 0; n < 5; n += 1) die({ qos: 0 });
    expect([harness.line.poison.isCautious, harness.record().p]).toEqual([false, undefined]);
  });
});

describe('a suspect', () => {
  beforeEach(() => {
    harness.offer(1, 3);
    for (let n = 0; n < 2; n += 1) die();
  });

  test('is sent after a sign of life, once the record says so, and alone', () => {
    open();
    expect([counters(), session.pings]).toEqual([[], 1]);
    session.answerPings();
    expect(counters()).toEqual([]);
    expect(harness.recordRequests.at(-1)).toBe('now');
    expect(harness.record().p).toEqual([{ n: 1, k: 2, a: 1 }]);
    pump.run();
    expect(counters()).toEqual([1]);
    session.acknowledge();
    harness.record();
    pump.run();
    expect(counters()).toEqual([1, 2]);
  });

  test('that ends its sessions alone is left out; when the next is acknowledged it is set aside, and the rest flows', async () => {
    for (let n = 0; n < 3; n += 1) expect(die()).toEqual([1]);
    open();
    prove();
    expect(counters()).toEqual([2]);
    expect(harness.line.lane.settled).toBe(0);
    session.acknowledge();
    await harness.settle();
    expect(harness.deadLetters).toEqual([{ payload: '1', reason: 'poison' }]);
    expect(setAside).toEqual(['poison']);
    prove();
    session.acknowledge();
    expect(counters()).toEqual([2, 3]);
    expect(harness.record()).toMatchObject({ s: 3, x: 1 });
    expect(harness.record().p).toBeUndefined();
    expect(harness.count('deadLettered')).toBe(1);
  });

  test('that cannot be stored in DEADLETTER is neither settled nor sent, until it can', async () => {
    for (let n = 0; n < 3; n += 1) die();
    harness.deadLetterFailure = new Error('NATS is away');
    open();
    prove();
    session.acknowledge();
    await harness.settle();
    expect(harness.line.lane.settled).toBe(0);
    harness.deadLetterFailure = undefined;
    await harness.clock.advance(200);
    expect(harness.line.lane.settled).toBe(2);
    expect(counters()).not.toContain(1);
  });

  test('is one no longer when the session is for other settings', () => {
    for (let n = 0; n < 3; n += 1) die();
    harness.line.poison.forget();
    open();
    expect(counters()).toEqual(upTo(3));
  });

  test('is remembered by the process that comes next, with the attempt that ended this one', () => {
    open();
    const checkpoint = prove();
    expect(counters()).toEqual([1]);
    harness = new LineHarness({ checkpoint });
    harness.offer(1, 3);
    for (let n = 0; n < 2; n += 1) expect(die()).toEqual([1]);
    open();
    prove();
    expect(counters()).toEqual([2]);
  });
});

test('QoS 2 with a window of 1: the next one may be sent, and the packet id of the poison is released', async () => {
  const qos2 = { qos: 2, inFlight: 1 } as const;
  harness.offer(1, 2);
  open(qos2);
  harness.record();
  pump.run();
  pump.close('closed');
  for (let n = 0; n < 4; n += 1) expect(die(qos2)).toEqual([1]);
  open(qos2, true);
  prove();
  expect(counters()).toEqual([2]);
  session.receive();
  await harness.settle();
  expect(harness.deadLetters).toEqual([{ payload: '1', reason: 'poison' }]);
  expect(session.released).toEqual([1]);
  expect(harness.line.lane.settled).toBe(0);
  session.complete();
  harness.record();
  pump.run();
  expect(session.released).toEqual([1, 2]);
  session.complete();
  expect(harness.record()).toMatchObject({ s: 2, x: 1 });
});

describe('the session', () => {
  let all: SessionHarness;

  beforeEach(async () => {
    all = new SessionHarness({ mqtt: { will: { enabled: false } } });
    await all.start();
    const batch = batchOf(1, 3);
    all.parts.outstanding.add(batch);
    all.gateway.offer(batch);
  });

  /** The broker ends the present session; the next one is proven and recorded. Returns how long it took to come, ms. */
  async function next(): Promise<number> {
    const { connector, parts, gateway } = all;
    const { length } = connector.sessions;
    connector.attempts.at(-1)?.end({ phase: 'session', kind: 'closed' });
    let waited = 0;
    for (; connector.sessions.length === length && waited < 60_000; waited += 50) await parts.clock.advance(50);
    all.session.answerPings();
    // Also of a gateway of which nothing is settled yet: without a record there would be nothing to wait for.
    expect(gateway.hasHistory || connector.sessions.length < 3).toBe(true);
    gateway.recorded(gateway.checkpoint());
    await parts.clock.advance(0);
    return waited;
  }

  test('comes back soon while a verdict is near, is not green meanwhile, and says what was set aside', async () => {
    const waits: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      waits.push(await next());
      if (n > 1) expect(all.status?.reason).toBe('closed_by_broker');
    }
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_050);
    expect(all.session.payloads).toEqual(['2']);
    all.session.acknowledge();
    await all.parts.clock.advance(0);
    expect(all.status).toMatchObject({ reason: 'message_set_aside', class: 'remote' });
    expect(all.parts.deadLetters).toEqual([{ payload: '1', reason: 'poison' }]);
  });

  test.each([
    ['cannot be reached', () => ({ ok: false, failure: { phase: 'tcp', code: 'ECONNREFUSED' } }) as const],
    [
      'ends every session at once',
      () => {
        all.connector.attempts.at(-1)!.end({ phase: 'session', kind: 'closed' });
        return all.connector.session();
      },
    ],
  ])('of a broker that %s is not tried for a verdict', async (_what, outcome) => {
    for (let n = 0; n < 3; n += 1) await next();
    expect(all.gateway.line.poison.isTrying).toBe(true);
    all.connector.outcome = outcome;
    all.connector.attempts.at(-1)!.end({ phase: 'session', kind: 'closed' });
    await all.parts.clock.advance(120_000);
    const { length } = all.connector.attempts;
    await all.parts.clock.advance(600_000);
    // By the longest back-off, half of it on average.
    expect(all.connector.attempts.length - length).toBeLessThanOrEqual(20);
  });

  test('of a broker that takes nothing comes back less and less often', async () => {
    for (let n = 0; n < 12; n += 1) await next();
    expect(await next()).toBeGreaterThan(10_000);
    expect(all.parts.deadLetters).toEqual([]);
  });
});

test('QoS 2, a window of one, in a session that lasts: a birth and a suspect do not wait for each other', () => {
  const settings = { qos: 2, inFlight: 1 } as const;
  open(settings);
  harness.record();
  harness.offer(1, 2);
  pump.run();
  pump.close('closed');
  die(settings);
  open(settings, true);
  void pump.publishExtra({ topic: 't', payload: Buffer.from('9'), retain: true }, 1);
  expect([counters(), session.pings]).toEqual([[], 1]);
  prove();
  expect(counters()).toEqual([1]);
  session.receive();
  prove();
  session.complete();
  // The session can hold nothing of before any more: the birth need not wait until there are no messages.
  expect(counters()).toEqual([1, 9]);
});
