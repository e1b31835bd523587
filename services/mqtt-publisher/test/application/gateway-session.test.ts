import { ManualClock } from '@gatecast/shared/testing';
import { describe, expect, test } from 'vitest';
import { ConnectTurns } from '../../src/application/connect-turns.ts';
import { identityOf } from '../../src/application/exactly-once.ts';
import type { ConnectResult } from '../../src/application/ports.ts';
import type { Failure } from '../../src/domain/failure.ts';
import { desiredSession } from '../../src/domain/session-settings.ts';
import { batchOf } from '../support/batches.ts';
import { LIMITS } from '../support/line-harness.ts';
import { SessionHarness } from '../support/session-harness.ts';

const UNREACHABLE: Failure = { phase: 'tcp', code: 'ECONNREFUSED' };
const REFUSED: ConnectResult = { ok: false, failure: UNREACHABLE };
const TAKEN_OVER: Failure = { phase: 'session', kind: 'disconnected', reasonCode: 0x8e };
const forever = () => new Promise<never>(() => undefined);

/** Stops the gateway and says how long that took. */
async function stopping(harness: SessionHarness): Promise<number> {
  const { clock } = harness.parts;
  const began = clock.monotonic();
  let tookMs: number | undefined;
  void harness.gateway.stop().then(() => {
    tookMs = clock.monotonic() - began;
  });
  for (let step = 0; step < 200 && tookMs === undefined; step += 1) await clock.advance(50);
  return tookMs ?? Number.POSITIVE_INFINITY;
}

describe('stop', () => {
  test('without a host', async () => {
    const harness = new SessionHarness({ mqtt: { enabled: false } });
    await harness.start();
    expect(await stopping(harness)).toBeLessThan(100);
  });

  test('waiting for a turn: the place is free again', async () => {
    const clock = new ManualClock();
    const rates = { connectsPerSecond: 1, connectBurst: 1, connectsPerSecondPerHost: 1, connectBurstPerHost: 1 };
    const connectQueue = new ConnectTurns(rates, clock);
    await connectQueue.next('broker.example:1883', new AbortController().signal);
    const harness = new SessionHarness({ context: { connectQueue } });
    await harness.start();
    expect(connectQueue.waiting).toBe(1);
    expect(await stopping(harness)).toBeLessThan(100);
    expect(connectQueue.waiting).toBe(0);
    expect(harness.connector.attempts).toEqual([]);
  });

  test('connecting, with a connector that does not listen', async () => {
    const harness = new SessionHarness();
    harness.connector.outcome = forever;
    await harness.start();
    expect(harness.connector.attempts).toHaveLength(1);
    expect(await stopping(harness)).toBeLessThanOrEqual(1_100);
    expect(harness.connector.attempts[0]!.signal.aborted).toBe(true);
  });

  test('waiting to connect again', async () => {
    const harness = new SessionHarness();
    harness.connector.outcome = () => REFUSED;
    await harness.start();
    expect(harness.status?.reason).toBe('connection_refused');
    expect(await stopping(harness)).toBeLessThan(100);
  });

  test('without a valid lease', async () => {
    const harness = new SessionHarness();
    harness.parts.lease.valid = false;
    await harness.start();
    expect(await stopping(harness)).toBeLessThan(100);
  });

  test('connected: disconnects, and says nothing at the broker', async () => {
    const harness = new SessionHarness();
    await harness.start();
    expect(await stopping(harness)).toBeLessThan(100);
    expect(harness.session.isDisconnected).toBe(true);
    expect(harness.said).toEqual(['online']);
  });

  test('a broker that acknowledges nothing, and a DISCONNECT that does not end', async () => {
    const harness = new SessionHarness();
    await harness.start();
    harness.session.disconnect = forever;
    harness.gateway.offer(batchOf(1, 3));
    expect(await stopping(harness)).toBeLessThanOrEqual(500);
    expect(harness.session.isAborted).toBe(true);
  });

  test('a broker that has not acknowledged anything for a while already holds up nobody', async () => {
    const harness = new SessionHarness();
    await harness.start();
    harness.gateway.offer(batchOf(1, 3));
    await harness.parts.clock.advance(1_000);
    expect(await stopping(harness)).toBeLessThanOrEqual(100);
    expect(harness.session.isDisconnected).toBe(true);
  });

  test('a far broker is waited for', async () => {
    const harness = new SessionHarness();
    await harness.start();
    const { clock } = harness.parts;
    harness.gateway.offer(batchOf(1, 3));
    for (const afterMs of [250, 500, 600]) clock.setTimeout(() => harness.session.acknowledge(1), afterMs);
    expect(await stopping(harness)).toBeLessThanOrEqual(700);
    expect(harness.gateway.line.lane.settled).toBe(3);
  });

  test('new settings wait for what is in flight as long as they may: nobody waits for them', async () => {
    const harness = new SessionHarness({ mqtt: { will: { enabled: false } } });
    await harness.start();
    const { session, parts, gateway } = harness;
    gateway.offer(batchOf(1, 3));
    await parts.clock.advance(1_000);
    parts.clock.setTimeout(() => session.acknowledge(), LIMITS.drainMs - 50);
    gateway.update(harness.revised({ port: 1884, will: { enabled: false } }));
    await parts.clock.advance(LIMITS.drainMs);
    expect([session.isDisconnected, gateway.line.lane.settled]).toEqual([true, 3]);
  });

  test('while new settings wait for a broker that hangs: others wait from now on', async () => {
    const harness = new SessionHarness();
    await harness.start();
    const { session, parts, gateway } = harness;
    gateway.offer(batchOf(1, 3));
    gateway.update(harness.revised({ port: 1884 }));
    await parts.clock.advance(LIMITS.drainMs - 200);
    expect(await stopping(harness)).toBeLessThanOrEqual(150);
    expect(session.isAborted).toBe(true);
  });

  test("while the will's payload waits for its acknowledgement: the same", async () => {
    const harness = new SessionHarness();
    await harness.start();
    harness.gateway.update(harness.revised({ port: 1884 }));
    await harness.parts.clock.advance(100);
    expect(harness.said).toEqual(['online', 'offline']);
    expect(await stopping(harness)).toBeLessThanOrEqual(LIMITS.drainMs);
    expect(harness.session.isAborted).toBe(true);
  });

  test('while new settings wait for a far broker: it gets the time that a handover gives', async () => {
    const harness = new SessionHarness({ mqtt: { will: { enabled: false } } });
    await harness.start();
    const { session, parts, gateway } = harness;
    gateway.offer(batchOf(1, 3));
    gateway.update(harness.revised({ port: 1884, will: { enabled: false } }));
    for (const afterMs of [250, 500, 750, 1_000]) parts.clock.setTimeout(() => session.acknowledge(1), afterMs);
    await parts.clock.advance(600);
    expect(await stopping(harness)).toBeLessThanOrEqual(LIMITS.drainMs);
    expect([session.isDisconnected, gateway.line.lane.settled]).toEqual([true, 3]);
  });

  test('a registration that is gone gets its good-bye said, however far the broker', async () => {
    const harness = new SessionHarness();
    await harness.start();
    const { session, parts, gateway } = harness;
    gateway.offer(batchOf(1, 1));
    for (const afterMs of [400, 800, 1_200]) parts.clock.setTimeout(() => session.acknowledge(1), afterMs);
    void gateway.retire();
    await parts.clock.advance(2 * LIMITS.drainMs);
    expect(harness.said).toEqual(['online', 'offline', '']);
    expect(session.isDisconnected).toBe(true);
  });

  test('a DISCONNECT that does not end, with nothing in flight', async () => {
    const harness = new SessionHarness();
    await harness.start();
    harness.session.disconnect = forever;
    expect(await stopping(harness)).toBeLessThanOrEqual(200);
    expect(harness.session.isAborted).toBe(true);
  });

  test('at QoS 2, what is held back by a suspect message', async () => {
    const checkpoint = { i: 'first', s: 0, p: [{ n: 1, k: 5 }] };
    const harness = new SessionHarness({ mqtt: { qos: 2, will: { enabled: false } }, checkpoint });
    await harness.start();
    const { gateway, session, parts } = harness;
    parts.deadLetterFailure = new Error('NATS is away');
    gateway.offer(batchOf(1, 4));
    gateway.recorded(gateway.checkpoint());
    session.answerPings();
    gateway.recorded(gateway.checkpoint());
    session.receive();
    await parts.clock.advance(0);
    // What is behind it is not released before it is in DEADLETTER.
    expect([session.released, gateway.line.poison.heldCount]).toEqual([[], 1]);
    while (session.unanswered > 0) session.receive();
    expect(await stopping(harness)).toBeLessThanOrEqual(100);
    expect(session.isDisconnected).toBe(true);
  });
});

describe('an attempt', () => {
  test('has a deadline of its own; a session that comes too late is cut', async () => {
    const harness = new SessionHarness();
    let answer: (result: ConnectResult) => void = () => undefined;
    harness.connector.outcome = () => new Promise((resolve) => (answer = resolve));
    await harness.start();
    await harness.advance(LIMITS.attemptTimeoutMs + 1_000);
    expect(harness.status?.reason).toBe('connect_timeout');
    const late = harness.connector.session();
    answer(late);
    await harness.advance(0);
    expect(harness.session.isAborted).toBe(true);
  });

  test('that waits long for its turn says so, before the first outcome only', async () => {
    let go: (isTurn: boolean) => void = () => undefined;
    const connectQueue = { next: () => new Promise<boolean>((resolve) => (go = resolve)) };
    const harness = new SessionHarness({ context: { connectQueue } });
    harness.connector.outcome = () => REFUSED;
    await harness.start();
    await harness.advance(1_900);
    expect(harness.status?.reason).toBe('connecting');
    await harness.advance(200);
    expect(harness.status).toMatchObject({ code: 'MQTT_WARNING_CONNECTING', reason: 'waiting_for_turn' });
    go(true);
    await harness.advance(0);
    expect(harness.status?.reason).toBe('connection_refused');
    await harness.advance(60_000);
    expect(harness.status?.reason).toBe('connection_refused');
  });

  test('is not made when the lease has gone while it waited for its turn', async () => {
    let go: (isTurn: boolean) => void = () => undefined;
    const connectQueue = { next: () => new Promise<boolean>((resolve) => (go = resolve)) };
    const harness = new SessionHarness({ context: { connectQueue } });
    await harness.start();
    harness.parts.lease.valid = false;
    go(true);
    await harness.advance(0);
    expect(harness.connector.attempts).toEqual([]);
  });
});

describe('the will that a broker takes', () => {
  const refusing = (reasonCode: number): ConnectResult => ({
    ok: false,
    failure: { phase: 'connack', kind: 'refused', reasonCode, protocolVersion: 5 },
  });

  test('a lesser one is tried at once, and shown', async () => {
    const harness = new SessionHarness({ mqtt: { protocolVersion: '5', will: { qos: 2 } } });
    harness.connector.outcome = ({ will }) => {
      if (will.qos > 1) return refusing(0x9b);
      return will.retain ? refusing(0x9a) : harness.connector.session({ maximumQos: 1, retainAvailable: false });
    };
    await harness.start();
    expect(harness.connector.attempts).toHaveLength(3);
    expect(harness.status).toMatchObject({
      reason: 'delivering',
      brokerLimits: { retain: false, willQos: 1, willRetain: false },
    });
    expect(harness.session.published[0]).toMatchObject({ payload: 'online', retain: false, options: { qos: 1 } });
  });

  test('refused all the same: an error, with back-off', async () => {
    const harness = new SessionHarness({ mqtt: { protocolVersion: '5', will: { qos: 1, retain: false } } });
    harness.connector.outcome = () => refusing(0x9b);
    await harness.start();
    expect(harness.connector.attempts).toHaveLength(2);
    expect(harness.status?.reason).toBe('qos_not_supported');
  });
});

describe('connecting again', () => {
  test('a fight over the client id does not spin', async () => {
    const harness = new SessionHarness({ mqtt: { protocolVersion: '5' } });
    await harness.start();
    const { clock } = harness.parts;
    const until = clock.monotonic() + 10 * 60_000;
    while (clock.monotonic() < until) {
      const open = harness.connector.attempts.length;
      // The other comes back after a while long enough to count as a success.
      await harness.advance(12_000);
      harness.connector.attempts.at(-1)!.end(TAKEN_OVER);
      await harness.advance(0);
      expect(harness.status?.reason).toBe('session_taken_over');
      while (harness.connector.attempts.length === open) await harness.advance(1_000);
    }
    expect(harness.connector.attempts.length).toBeLessThanOrEqual(16);
  });

  test('three hundred sessions of one broker that was away do not come back in the same second', async () => {
    const clock = new ManualClock();
    const rates = {
      connectsPerSecond: 200,
      connectBurst: 400,
      connectsPerSecondPerHost: 100,
      connectBurstPerHost: 200,
    };
    const connectQueue = new ConnectTurns(rates, clock);
    let seed = 1;
    const random = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    let isUp = true;
    const connects: number[] = [];
    const fleet = Array.from({ length: 300 }, (_, index) => {
      const harness = new SessionHarness({
        gatewayId: `gw-${index}`,
        context: { connectQueue, clock, random },
        mqtt: { will: { enabled: false } },
      });
      harness.connector.outcome = () => {
        if (!isUp) return REFUSED;
        connects.push(clock.monotonic());
        return harness.connector.session();
      };
      harness.gateway.start();
      return harness;
    });
    await clock.advance(20_000);
    expect(connects).toHaveLength(300);
    isUp = false;
    connects.length = 0;
    for (const { connector } of fleet) connector.attempts.at(-1)!.end({ phase: 'session', kind: 'reset' });
    await clock.advance(60_000);
    isUp = true;
    const back = clock.monotonic();
    await clock.advance(130_000);
    expect(connects).toHaveLength(300);
    const curve = Array.from({ length: 130 }, (_, second) => {
      return connects.filter((at) => Math.floor((at - back) / 1_000) === second).length;
    });
    // Far below what the turns would let through: the jitter has spread them.
    expect(Math.max(...curve)).toBeLessThan(40);
    for (const { gateway } of fleet) gateway.abort();
  }, 60_000);
});

describe('QoS 2: the CONNACK', () => {
  const mqtt = { qos: 2, will: { enabled: false } } as const;
  const found = { sessionPresent: true };

  /** Messages 1 and 2 are recorded as received. */
  async function started(
    outcome: (harness: SessionHarness) => ConnectResult | Promise<ConnectResult>,
    record: { u?: 1 } = {},
    reachesBroker = true,
  ) {
    const { settings } = desiredSession(
      {
        ...{ gatewayId: 'gw-1', workspace: 'acme', fleet: 'default', incarnation: 'first', createdAt: '' },
        ...{ ingestTokenHash: '', mqtt: { host: 'broker.example', ...mqtt } },
      },
      1,
    );
    const checkpoint = { i: 'first', s: 0, r: 2, b: identityOf(settings!)!, ...record };
    const harness = new SessionHarness({ mqtt, checkpoint });
    harness.connector.reachesBroker = reachesBroker;
    harness.connector.outcome = () => {
      harness.connector.outcome = () => harness.connector.session(found);
      return outcome(harness);
    };
    await harness.start();
    await harness.record();
    return harness;
  }

  const itself = ['that comes while the settings change', 'of a session that ends at once'];
  test.each(itself)('%s: says once that the broker has lost its session', async (which) => {
    let answer: (result: ConnectResult) => void = () => undefined;
    const harness = await started(({ connector }) => {
      if (which.includes('settings')) return new Promise((resolve) => (answer = resolve));
      connector.attempts.at(-1)!.end({ phase: 'session', kind: 'closed' });
      return connector.session();
    });
    if (which.includes('settings')) {
      void harness.configure({ ...mqtt, keepAliveSeconds: 30 });
      answer(harness.connector.session());
    }
    await harness.advance(2_000);
    await harness.record();
    expect(harness.connector.attempts).toHaveLength(2);
    await harness.record();
    // They are to be sent again: the session that is found now is younger than the record.
    expect([harness.session.released, harness.gateway.checkpoint().r]).toEqual([[], undefined]);
  });

  const REFUSAL: Failure = { phase: 'connack', kind: 'refused', reasonCode: 3, protocolVersion: 4 };
  const CUT: Failure = { phase: 'connack', kind: 'closed' };

  test.each([
    ['that is missed leaves a doubt', CUT, true],
    ['that refuses leaves none', REFUSAL, false],
    ['for which no CONNECT was written leaves none', UNREACHABLE, false],
  ] as const)('%s', async (_name, failure, isDoubtful) => {
    const harness = await started(() => ({ ok: false, failure }), {}, failure.phase === 'connack');
    expect(harness.gateway.checkpoint().u).toBe(isDoubtful ? 1 : undefined);
    await harness.advance(2_000);
    await harness.record();
    await harness.record();
    expect(harness.session.released).toEqual([1, 2]);
    harness.session.complete();
    expect([harness.gateway.checkpoint().s, harness.gateway.checkpoint().e]).toEqual([2, isDoubtful ? 2 : undefined]);
    expect(harness.parts.count('unproven')).toBe(isDoubtful ? 2 : 0);
  });

  test.each([
    ['that is missed leaves a doubt, whatever another broker answers meanwhile', CUT, REFUSAL, true],
    ['that another broker owes leaves none', REFUSAL, CUT, false],
  ] as const)('%s', async (_name, failure, failureElsewhere, isDoubtful) => {
    const harness = await started(() => ({ ok: false, failure }));
    const atFirst = harness.connector.outcome;
    harness.connector.outcome = () => ({ ok: false, failure: failureElsewhere });
    await harness.configure({ ...mqtt, host: 'elsewhere.example' });
    expect(harness.connector.attempts.map(({ settings }) => settings.host)).toEqual([
      'broker.example',
      'elsewhere.example',
    ]);
    harness.connector.outcome = atFirst;
    await harness.configure(mqtt);
    await harness.record();
    await harness.record();
    expect(harness.session.released).toEqual([1, 2]);
    harness.session.complete();
    expect([harness.gateway.checkpoint().s, harness.gateway.checkpoint().e]).toEqual([2, isDoubtful ? 2 : undefined]);
  });

  test('that is missed of an attempt at a lower QoS leaves a doubt: it was about the same session', async () => {
    const harness = await started(() => ({ ok: false, failure: REFUSAL }));
    const atFirst = harness.connector.outcome;
    harness.connector.outcome = () => ({ ok: false, failure: CUT });
    await harness.configure({ ...mqtt, qos: 1 });
    await harness.record();
    harness.connector.outcome = atFirst;
    await harness.configure(mqtt);
    await harness.record();
    await harness.record();
    harness.session.complete();
    expect(harness.gateway.checkpoint()).toMatchObject({ s: 2, e: 2 });
  });

  test('that comes after our deadline leaves a doubt: the session is cut, whatever it says', async () => {
    let answer: (result: ConnectResult) => void = () => undefined;
    const harness = await started(() => new Promise((resolve) => (answer = resolve)));
    await harness.advance(LIMITS.attemptTimeoutMs + 1_000);
    answer(harness.connector.session());
    await harness.advance(2_000);
    await harness.record();
    expect(harness.connector.sessions.map(({ isAborted, released }) => [isAborted, released])).toEqual([
      [true, []],
      [false, [1, 2]],
    ]);
    harness.session.complete();
    expect(harness.gateway.checkpoint()).toMatchObject({ s: 2, e: 2 });
  });

  test('that a predecessor missed leaves a doubt', async () => {
    const harness = await started(({ connector }) => connector.session(found), { u: 1 });
    harness.session.complete();
    expect(harness.gateway.checkpoint()).toMatchObject({ s: 2, e: 2 });
  });
});
