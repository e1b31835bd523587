import { completeIntegration } from '@gatecast/shared/model';
import { beforeEach, describe, expect, test } from 'vitest';
import { DeliveryPump, type PumpFailure } from '../../src/application/delivery-pump.ts';
import { identityOf } from '../../src/application/exactly-once.ts';
import { EXTRA_IDS, FIRST_EXTRA_ID } from '../../src/domain/packet-ids.ts';
import type { SessionSettings } from '../../src/domain/session-settings.ts';
import { upTo } from '../support/batches.ts';
import { FakeSession } from '../support/fake-session.ts';
import { LineHarness } from '../support/line-harness.ts';
import { settingsOf } from '../support/settings.ts';

const ACK_TIMEOUT_MS = 10_000;
const WINDOW = 5;

let harness: LineHarness;
let session: FakeSession;
let pump: DeliveryPump;
let proofs: string[];
let failures: PumpFailure[];
let setAside: (number | 'poison')[];

beforeEach(() => {
  harness = new LineHarness();
});

function open(settings: Partial<SessionSettings> = {}, grant: ConstructorParameters<typeof FakeSession>[0] = {}): void {
  session = new FakeSession(grant);
  const complete = settingsOf({ advanced: { inFlight: WINDOW } }, settings);
  if (complete.qos === 2) harness.line.exactlyOnce.opened(complete, session.grant);
  [proofs, failures, setAside] = [[], [], []];
  pump = new DeliveryPump(session, complete, 1, harness.line, harness.context, {
    onProof: (of) => proofs.push(of),
    onFailure: (failure) => failures.push(failure),
    onSetAside: (why) => setAside.push(why),
  });
  harness.onFed = () => pump.run();
  pump.run();
}

const counters = () => session.payloads.map(Number);

describe('the window', () => {
  test('no more than the settings say are unacknowledged', () => {
    open();
    harness.offer(1, 9);
    expect(counters()).toEqual(upTo(WINDOW));
    session.acknowledge(WINDOW);
    expect(counters()).toEqual(upTo(8));
  });

  test('is filled again when half of it is free: what goes out together is one write', () => {
    open();
    harness.offer(1, 9);
    session.acknowledge(2);
    expect(counters()).toEqual(upTo(WINDOW));
    session.acknowledge(1);
    expect(counters()).toEqual(upTo(WINDOW + 3));
  });

  test('nor more than the broker takes', () => {
    open({}, { receiveMaximum: 2 });
    harness.offer(1, 9);
    expect(session.unanswered).toBe(2);
  });

  test('the birth counts', () => {
    open({ inFlight: 1 });
    const message = { topic: 't', payload: Buffer.from('birth'), retain: true };
    void pump.publishExtra(message, 1);
    harness.offer(1);
    expect(session.payloads).toEqual(['birth']);
    session.acknowledge(1);
    expect(session.payloads).toEqual(['birth', '1']);
  });

  test('nothing is sent further than a few windows beyond the record', () => {
    open();
    const limit = WINDOW * harness.context.limits.windowsBeyondRecord;
    harness.offer(1, limit + 5);
    for (let round = 0; round < 10; round += 1) session.acknowledge();
    expect(counters()).toEqual(upTo(limit));
    expect(harness.recordRequests).toContain('now');
    harness.record();
    pump.run();
    session.acknowledge();
    expect(counters()).toEqual(upTo(limit + 5));
  });
});

describe('settings', () => {
  test('messages encoded by newer settings wait until the session has been looked at', () => {
    open();
    harness.offer(1);
    harness.offer(2, 2, { settings: 2 });
    expect(counters()).toEqual([1]);
    pump.revision = 2;
    expect(counters()).toEqual([1, 2]);
  });

  test.each([
    [{ traceContext: true, protocolVersion: 5 }, true],
    [{ traceContext: true, protocolVersion: 4 }, false],
    [{ traceContext: false, protocolVersion: 5 }, false],
  ] as const)('trace context with %j: %s', (settings, expected) => {
    open(settings);
    const trace = { traceparent: '00-1-2-01', tracestate: 'a=b' };
    harness.offer(1, 1, { trace });
    expect(session.published[0]?.options.userProperties).toEqual(expected ? trace : undefined);
  });
});

describe('the lease', () => {
  test('nothing is sent without it, and acknowledgements settle nothing', () => {
    open();
    harness.offer(1);
    harness.lease.valid = false;
    session.acknowledge();
    harness.offer(2);
    expect(counters()).toEqual([1]);
    expect(harness.line.lane.settled).toBe(0);
    harness.lease.valid = true;
    harness.line.wake();
    pump.run();
    expect(harness.line.lane.settled).toBe(1);
  });
});

describe('a gap', () => {
  test('in front of everything is settled without an acknowledgement, and recorded before the rest is sent', () => {
    open();
    harness.offer(8);
    expect(counters()).toEqual([]);
    expect(harness.line.checkpoint()).toMatchObject({ s: 7, l: 7 });
    expect(harness.recordRequests).toContain('now');
    harness.record();
    pump.run();
    expect(counters()).toEqual([8]);
  });
});

describe('the acknowledgement deadline', () => {
  test('passes when nothing is acknowledged', async () => {
    open();
    harness.offer(1);
    await harness.clock.advance(ACK_TIMEOUT_MS - 1);
    expect(failures).toEqual([]);
    await harness.clock.advance(1);
    expect(failures).toEqual([{ kind: 'ack_timeout' }]);
  });

  test('starts anew with every acknowledgement', async () => {
    open();
    harness.offer(1, 4);
    for (let round = 0; round < 3; round += 1) {
      await harness.clock.advance(ACK_TIMEOUT_MS - 1_000);
      session.acknowledge(1);
    }
    await harness.clock.advance(ACK_TIMEOUT_MS - 1);
    expect(failures).toEqual([]);
    await harness.clock.advance(1);
    expect(failures).toHaveLength(1);
  });

  test('one swallowed acknowledgement is noticed, whatever is acknowledged behind it', async () => {
    open();
    harness.offer(1, 4);
    session.swallow();
    for (let round = 0; round < 3; round += 1) {
      await harness.clock.advance(3_000);
      session.acknowledge(1);
    }
    await harness.clock.advance(ACK_TIMEOUT_MS - 9_001);
    expect(failures).toEqual([]);
    await harness.clock.advance(1);
    expect(failures).toEqual([{ kind: 'ack_timeout' }]);
  });

  test('is measured from the message, however long nothing was sent before', async () => {
    open();
    harness.offer(1);
    session.acknowledge();
    await harness.clock.advance(ACK_TIMEOUT_MS - 1_000);
    harness.offer(2);
    await harness.clock.advance(ACK_TIMEOUT_MS - 1);
    expect(failures).toEqual([]);
    session.acknowledge();
    await harness.clock.advance(10 * ACK_TIMEOUT_MS);
    expect(failures).toEqual([]);
    expect(harness.clock.pendingTimers).toBe(0);
  });

  test('nothing happens after the session was closed', async () => {
    open();
    harness.offer(1);
    pump.close('closed');
    session.acknowledge();
    await harness.clock.advance(2 * ACK_TIMEOUT_MS);
    expect(failures).toEqual([]);
    expect(harness.line.lane.settled).toBe(0);
    expect(harness.clock.pendingTimers).toBe(0);
  });
});

describe('QoS 0', () => {
  test('leaving the socket settles and proves nothing; the answer to a PINGREQ does', async () => {
    open({ qos: 0 });
    harness.offer(1);
    session.acknowledge();
    expect(harness.line.lane.settled).toBe(1);
    expect(proofs).toEqual([]);
    await harness.clock.advance(ACK_TIMEOUT_MS / 10);
    expect(session.pings).toBe(1);
    session.answerPings();
    expect(proofs).toEqual(['message']);
    await harness.clock.advance(10 * ACK_TIMEOUT_MS);
    expect(failures).toEqual([]);
    expect(session.pings).toBe(1);
  });

  test('an unanswered PINGREQ is noticed a deadline and a tenth after the message', async () => {
    open({ qos: 0 });
    harness.offer(1);
    session.acknowledge();
    await harness.clock.advance(1.1 * ACK_TIMEOUT_MS - 1);
    expect(failures).toEqual([]);
    await harness.clock.advance(1);
    expect(failures).toEqual([{ kind: 'ack_timeout' }]);
  });

  test('also when an earlier one was answered just before', async () => {
    open({ qos: 0 });
    harness.offer(1);
    session.acknowledge();
    await harness.clock.advance(ACK_TIMEOUT_MS / 10);
    session.answerPings();
    await harness.clock.advance(100);
    harness.offer(2);
    session.acknowledge();
    await harness.clock.advance(1.1 * ACK_TIMEOUT_MS);
    expect(failures).toEqual([{ kind: 'ack_timeout' }]);
  });

  test('also when the message was sent while an earlier one was under way', async () => {
    open({ qos: 0 });
    harness.offer(1);
    session.acknowledge();
    await harness.clock.advance(ACK_TIMEOUT_MS / 10);
    harness.offer(2);
    session.acknowledge();
    session.answerPings();
    expect(session.pings).toBe(1);
    await harness.clock.advance(1.1 * ACK_TIMEOUT_MS);
    expect(session.pings).toBe(2);
    expect(failures).toEqual([{ kind: 'ack_timeout' }]);
  });

  test('and when the lease was in doubt while a PINGREQ was due', async () => {
    open({ qos: 0 });
    harness.offer(1);
    session.acknowledge();
    harness.lease.valid = false;
    await harness.clock.advance(ACK_TIMEOUT_MS / 10);
    expect(session.pings).toBe(0);
    harness.lease.valid = true;
    await harness.clock.advance(1.1 * ACK_TIMEOUT_MS);
    expect(session.pings).toBe(1);
    expect(failures).toEqual([{ kind: 'ack_timeout' }]);
  });
});

describe('QoS 2', () => {
  const qos2 = { qos: 2 } as const;

  function openQos2(settings: Partial<SessionSettings> = {}): void {
    open({ ...qos2, ...settings });
    // The session that the settings name is the one that the record names.
    harness.record();
  }

  test('nothing is sent before the record names the session: a successor would have the broker forget it', () => {
    open(qos2);
    harness.offer(1, 2);
    expect(session.payloads).toEqual([]);
    expect(harness.recordRequests).toContain('now');
    harness.record();
    pump.run();
    expect(counters()).toEqual([1, 2]);
  });

  test('a message is released once the record says that the broker has it, in order', () => {
    openQos2();
    harness.offer(1, 3);
    session.receive(2);
    expect(session.released).toEqual([]);
    expect(harness.recordRequests).toContain('now');
    expect(harness.record()).toMatchObject({ s: 0, r: 2 });
    pump.run();
    expect(session.released).toEqual([1, 2]);
    session.complete();
    expect(harness.line.checkpoint()).toMatchObject({ s: 2 });
  });

  test('a place is kept for births, and the packet id of a message is that of its counter', () => {
    openQos2();
    harness.offer(1, 9);
    expect(session.published.map(({ options }) => options.packetId)).toEqual(upTo(WINDOW - 1));
    void pump.publishExtra({ topic: 't', payload: Buffer.from('birth'), retain: true }, 1);
    void pump.publishExtra({ topic: 't', payload: Buffer.from('will'), retain: true }, 1);
    expect(session.payloads.at(-1)).toBe('birth');
    expect(session.published.at(-1)?.options.packetId).toBeUndefined();
    expect(pump.idle).toBe(false);
  });

  test('a birth in a resumed session comes when the ids that a predecessor may have left are free, if we may still act', () => {
    open({ ...qos2 }, { sessionPresent: true });
    void pump.publishExtra({ topic: 't', payload: Buffer.from('birth'), retain: true }, 2);
    expect(session.released).toHaveLength(EXTRA_IDS);
    session.complete(EXTRA_IDS - 1);
    expect(session.payloads).toEqual([]);
    harness.lease.valid = false;
    session.complete();
    expect(session.payloads).toEqual([]);
    harness.lease.valid = true;
    pump.run();
    expect(session.payloads).toEqual(['birth']);
    void pump.publishExtra({ topic: 't', payload: Buffer.from('will'), retain: true }, 2);
    session.acknowledge();
    expect(session.payloads).toEqual(['birth', 'will']);
    expect(session.released).toHaveLength(EXTRA_IDS);
  });

  describe('in a resumed session whose broker takes no QoS 2 any more', () => {
    const lowered = { sessionPresent: true, maximumQos: 1 } as const;

    /** Of four messages sent at QoS 2 the first two are recorded as received when the connection ends. */
    function resume(): void {
      openQos2();
      harness.offer(1, 4);
      session.receive(2);
      harness.record();
      pump.close('closed');
      open(qos2, lowered);
    }

    test('what it has received is released, then what it may have besides: only then the rest goes at the lower QoS', () => {
      resume();
      void pump.publishExtra({ topic: 't', payload: Buffer.from('birth'), retain: true }, 2);
      expect([session.released, session.payloads]).toEqual([[1, 2], []]);
      session.complete();
      expect(session.released.slice(2)).toEqual([...upTo(EXTRA_IDS).map((index) => FIRST_EXTRA_ID + index - 1), 3, 4]);
      expect(session.payloads).toEqual([]);
      session.complete(EXTRA_IDS + 1, true);
      session.complete(1, false);
      // Not before the record says so: a successor would release what is sent now.
      expect(counters().filter(Number)).toEqual([]);
      expect(harness.record()).toMatchObject({ s: 2, o: 1, d: 1 });
      pump.run();
      expect(session.published.map(({ payload, options }) => [payload, options.qos])).toEqual([
        ['birth', 1],
        ['3', 1],
        ['4', 1],
      ]);
      session.acknowledge();
      expect(harness.record()).toMatchObject({ s: 4, d: 1 });
      expect([harness.count('uncertain'), harness.count('downgraded qos')]).toEqual([1, 2]);
    });

    test('the deadline runs', async () => {
      resume();
      session.complete();
      await harness.clock.advance(ACK_TIMEOUT_MS);
      expect(failures).toEqual([{ kind: 'ack_timeout' }]);
    });

    test('when the session ends meanwhile, what it has released, or may have, is counted all the same', () => {
      resume();
      session.complete();
      session.complete(EXTRA_IDS + 1, true);
      const isIdle = pump.idle;
      pump.close('closed');
      open(qos2, lowered);
      session.complete(EXTRA_IDS + 2, false);
      expect(harness.record()).toMatchObject({ s: 2, o: 1, d: 2 });
      expect([isIdle, pump.idle]).toEqual([false, true]);
      pump.run();
      expect(counters()).toEqual([3, 4]);
    });

    test('when the broker takes QoS 2 again, too', () => {
      resume();
      session.complete();
      session.complete(EXTRA_IDS + 1, true);
      pump.close('closed');
      open(qos2, { sessionPresent: true });
      expect(harness.record()).toMatchObject({ s: 2, d: 2 });
      pump.run();
      expect(session.published.map(({ payload, options }) => [payload, options.qos])).toEqual([
        ['3', 2],
        ['4', 2],
      ]);
    });

    test('when the broker has lost the session meanwhile: also what a predecessor had sent', () => {
      const settings = { qos: 2, host: 'broker.example', port: 1883, clientId: 'gw-1' } as SessionSettings;
      harness = new LineHarness({ checkpoint: { i: 'first', s: 0, b: identityOf(settings)! } });
      open(qos2, lowered);
      session.complete(EXTRA_IDS + 2, true);
      session.complete(997, false);
      pump.close('closed');
      open(qos2, { ...lowered, sessionPresent: false });
      expect(harness.record().d).toBe(3);
    });

    test('once that is done, the next session has nothing to release; QoS 2 comes back when the broker takes it', () => {
      resume();
      session.complete();
      session.complete();
      harness.record();
      pump.close('closed');
      open(qos2, lowered);
      expect([session.released, counters()]).toEqual([[], [3, 4]]);
      session.acknowledge();
      pump.close('closed');
      open(qos2, { sessionPresent: true });
      expect(harness.record()).not.toHaveProperty('o');
      harness.offer(5);
      expect(session.published.map(({ payload, options }) => [payload, options.qos])).toEqual([['5', 2]]);
    });
  });

  test('ids that are not released are noticed by the deadline', async () => {
    open({ ...qos2 }, { sessionPresent: true });
    void pump.publishExtra({ topic: 't', payload: Buffer.from('birth'), retain: true }, 2);
    await harness.clock.advance(ACK_TIMEOUT_MS);
    expect(failures).toEqual([{ kind: 'ack_timeout' }]);
  });

  test('with a window of one, messages and births take turns', () => {
    openQos2({ inFlight: 1 });
    harness.offer(1, 2);
    void pump.publishExtra({ topic: 't', payload: Buffer.from('birth'), retain: true }, 1);
    expect(session.payloads).toEqual(['1']);
    session.receive();
    harness.record();
    pump.run();
    session.complete();
    expect(session.payloads).toEqual(['1', 'birth']);
    session.acknowledge();
    harness.record();
    pump.run();
    expect(session.payloads).toEqual(['1', 'birth', '2']);
  });

  test('the deadline does not run while a message waits for our own record', async () => {
    openQos2();
    harness.offer(1);
    session.receive();
    await harness.clock.advance(10 * ACK_TIMEOUT_MS);
    expect(failures).toEqual([]);
    harness.record();
    pump.run();
    await harness.clock.advance(ACK_TIMEOUT_MS);
    expect(failures).toEqual([{ kind: 'ack_timeout' }]);
  });

  test('a PUBCOMP that never comes, after one that said the session was lost, is noticed by the deadline', async () => {
    const settings = { qos: 2, host: 'broker.example', port: 1883, clientId: 'gw-1' } as SessionSettings;
    harness = new LineHarness({ checkpoint: { i: 'first', s: 0, r: 2, b: identityOf(settings)!, u: 1 } });
    void harness.line.exactlyOnce.prepare(settings, new AbortController().signal);
    open(qos2, { sessionPresent: true });
    harness.record();
    pump.run();
    expect(session.released).toEqual([1, 2]);
    session.complete(1, false);
    harness.record();
    await harness.clock.advance(ACK_TIMEOUT_MS - 1);
    expect(failures).toEqual([]);
    await harness.clock.advance(1);
    expect(failures).toEqual([{ kind: 'ack_timeout' }]);
  });

  test('the record does not speak of what is behind a message that was set aside', async () => {
    openQos2();
    harness.offer(1, 3);
    session.refuse('2', 0x87);
    await harness.settle();
    session.receive();
    expect(harness.record()).toMatchObject({ s: 0, r: 1 });
    pump.run();
    session.complete();
    expect(harness.record()).toMatchObject({ s: 2, x: 1, r: 3 });
  });
});

describe('a probe', () => {
  test('proves that somebody is there', async () => {
    open();
    pump.probe();
    pump.probe();
    expect(session.pings).toBe(1);
    session.answerPings();
    expect(proofs).toEqual(['other']);
  });

  test('without an answer ends the session', async () => {
    open();
    pump.probe();
    await harness.clock.advance(ACK_TIMEOUT_MS);
    expect(failures).toEqual([{ kind: 'ack_timeout' }]);
  });
});

describe('refusals', () => {
  test.each([
    [135, 'not_authorized'],
    [144, 'topic_name_invalid'],
    [153, 'payload_format_invalid'],
  ])('%i for good: set aside as %s, and the rest flows', async (reasonCode, reason) => {
    open();
    harness.offer(1, 3);
    session.refuse('2', reasonCode);
    await harness.settle();
    session.acknowledge();
    expect(harness.deadLetters).toEqual([{ payload: '2', reason }]);
    expect(setAside).toEqual([reasonCode]);
    expect(harness.line.checkpoint()).toMatchObject({ s: 3, x: 1 });
    expect(failures).toEqual([]);
  });

  test('of the moment: the session ends, nothing is settled', async () => {
    open();
    harness.offer(1);
    session.refuse('1', 0x97);
    await harness.settle();
    expect(failures).toEqual([{ kind: 'refused', reasonCode: 0x97 }]);
    expect(harness.line.lane.settled).toBe(0);
  });

  test('that cannot be set aside: the session stays, the rest flows, and it is tried again', async () => {
    open();
    harness.deadLetterFailure = new Error('NATS is away');
    harness.offer(1, 3);
    session.refuse('1', 135);
    session.acknowledge();
    await harness.clock.advance(2 * ACK_TIMEOUT_MS);
    expect([failures, setAside, harness.line.lane.settled]).toEqual([[], [], 0]);
    harness.offer(4);
    session.acknowledge();
    harness.deadLetterFailure = undefined;
    await harness.clock.advance(5_000);
    expect(setAside).toEqual([135]);
    expect(harness.line.checkpoint()).toMatchObject({ s: 4, x: 1 });
    expect(counters()).toEqual(upTo(4));
  });

  test('whose DEADLETTER does not answer: the deadline of the broker runs for what it owes', async () => {
    open();
    harness.context.deadLetters.put = () => new Promise(() => undefined);
    harness.offer(1, 2);
    session.refuse('1', 135);
    await harness.clock.advance(ACK_TIMEOUT_MS / 2);
    session.acknowledge();
    await harness.clock.advance(2 * ACK_TIMEOUT_MS);
    expect(failures).toEqual([]);
    harness.offer(3);
    await harness.clock.advance(ACK_TIMEOUT_MS);
    expect(failures).toEqual([{ kind: 'ack_timeout' }]);
  });

  test('of what was sent later do not hide that an older message has no answer', async () => {
    open();
    harness.offer(1, 3);
    await harness.clock.advance(ACK_TIMEOUT_MS - 1_000);
    session.refuse('3', 135);
    await harness.clock.advance(1_000);
    expect(failures).toEqual([{ kind: 'ack_timeout' }]);
  });

  test('of the oldest message are an answer', async () => {
    open();
    harness.offer(1, 2);
    await harness.clock.advance(ACK_TIMEOUT_MS - 1_000);
    session.refuse('1', 135);
    await harness.clock.advance(ACK_TIMEOUT_MS - 1);
    expect(failures).toEqual([]);
    await harness.clock.advance(1);
    expect(failures).toEqual([{ kind: 'ack_timeout' }]);
  });

  test('that was not set aside when the session ended is sent again', async () => {
    open();
    harness.deadLetterFailure = new Error('NATS is away');
    harness.offer(1, 2);
    session.refuse('1', 135);
    await harness.settle();
    pump.close('closed');
    expect(harness.clock.pendingTimers).toBe(0);
    harness.deadLetterFailure = undefined;
    await harness.clock.advance(10_000);
    expect(harness.deadLetters).toEqual([]);
    open();
    expect(counters()).toEqual([1, 2]);
  });
});

test('paused: nothing new is sent, acknowledgements still settle', () => {
  open();
  harness.offer(1, 2);
  pump.pause();
  harness.offer(3);
  session.acknowledge();
  expect(counters()).toEqual([1, 2]);
  expect(harness.line.lane.settled).toBe(2);
  expect(pump.idle).toBe(true);
});

test('the defaults of an integration are what the pump is tested with', () => {
  expect(completeIntegration('gw-1', {}).advanced.ackTimeoutSeconds * 1_000).toBe(ACK_TIMEOUT_MS);
});

describe('limits of the broker', () => {
  test('a lower QoS is used for everything, and counted for messages', () => {
    open({ qos: 2 }, { maximumQos: 1 });
    harness.record();
    void pump.publishExtra({ topic: 't', payload: Buffer.from('birth'), retain: true }, 2);
    harness.offer(1, 2);
    expect(session.published.map(({ options }) => options.qos)).toEqual([1, 1, 1]);
    expect(harness.count('downgraded qos')).toBe(2);
  });

  test('nothing is retained where nothing can be', () => {
    open({}, { retainAvailable: false });
    void pump.publishExtra({ topic: 't', payload: Buffer.from('birth'), retain: true }, 1);
    harness.offer(1);
    expect(session.published.map(({ retain }) => retain)).toEqual([false, false]);
    expect(harness.count('downgraded retain')).toBe(0);
  });

  test('a message too large is set aside, and the rest flows in order', async () => {
    const [topicBytes, ownBytes] = ['Aranet/gw-1/sensors/S1/json/measurements'.length, 'n'.length];
    open({}, { maximumPacketSize: 2 + 2 + topicBytes + 2 + 1 + ownBytes });
    harness.offer(1, 11);
    for (let round = 0; round < 3; round += 1) {
      session.acknowledge();
      await harness.settle();
    }
    expect(counters()).toEqual(upTo(9));
    expect(harness.deadLetters).toEqual([
      { payload: '10', reason: 'packet_too_large' },
      { payload: '11', reason: 'packet_too_large' },
    ]);
    expect(setAside).toEqual([0x95, 0x95]);
    expect(failures).toEqual([]);
  });

  test('a message too large is no answer of the broker: it still owes the one before', async () => {
    const [topicBytes, ownBytes] = ['Aranet/gw-1/sensors/S1/json/measurements'.length, 'n'.length];
    harness = new LineHarness({ checkpoint: { i: 'first', s: 8 } });
    open({}, { maximumPacketSize: 2 + 2 + topicBytes + 2 + 1 + ownBytes });
    harness.offer(9);
    await harness.clock.advance(ACK_TIMEOUT_MS - 1_000);
    harness.offer(10);
    await harness.clock.advance(1_000);
    expect([setAside, failures]).toEqual([[0x95], [{ kind: 'ack_timeout' }]]);
  });

  test('trace context is left out rather than the message', () => {
    const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    open({ traceContext: true, protocolVersion: 5 }, { maximumPacketSize: 100 });
    harness.offer(1, 1, { trace });
    expect(session.published.map(({ options }) => options)).toEqual([{ qos: 1, packetId: 1 }]);
  });

  test('a birth waits for room in Receive Maximum, and then goes before the lane', () => {
    open({}, { receiveMaximum: 2 });
    harness.offer(1, 4);
    void pump.publishExtra({ topic: 't', payload: Buffer.from('birth'), retain: true }, 1);
    expect(session.payloads).toEqual(['1', '2']);
    session.acknowledge(1);
    expect(session.payloads).toEqual(['1', '2', 'birth']);
    session.acknowledge();
    expect(session.payloads).toEqual(['1', '2', 'birth', '3', '4']);
  });

  test('nothing beside the lane is written without a valid lease', () => {
    open();
    harness.lease.valid = false;
    void pump.publishExtra({ topic: 't', payload: Buffer.from('birth'), retain: true }, 1);
    expect(session.payloads).toEqual([]);
    harness.lease.valid = true;
    pump.run();
    expect(session.payloads).toEqual(['birth']);
  });

  test('no second has more publishes than the operator of the broker allows', async () => {
    open({ publishesPerSecond: 100, inFlight: 1_000 });
    const sentAt: number[] = [];
    const publish = session.publish.bind(session);
    session.publish = (message, options, done) => {
      sentAt.push(harness.clock.monotonic());
      publish(message, options, done);
    };
    harness.offer(1, 300);
    await harness.clock.advance(4_000);
    expect(sentAt).toHaveLength(300);
    for (const [index, at] of sentAt.entries()) {
      const last = sentAt.findLastIndex((other) => other - at < 1_000);
      expect(last - index + 1).toBeLessThanOrEqual(100);
    }
  });
});
