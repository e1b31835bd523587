import { GatecastError } from '@gatecast/shared/errors';
import { beforeEach, describe, expect, test } from 'vitest';
import { SessionHarness } from '../support/session-harness.ts';

const AFTER = 3 * 60_000;
const RESET = { phase: 'session', kind: 'reset' } as const;

let harness: SessionHarness;

beforeEach(async () => {
  harness = new SessionHarness();
  await harness.start();
  await harness.reading(1);
});

const now = () => harness.parts.clock.now();
const last = () => harness.said.at(-1);

describe('a gateway without readings', () => {
  test('is shown offline after its intervals, and online again before the reading that ends it', async () => {
    await harness.advance(AFTER - 1);
    expect(harness.said).toEqual(['online']);
    const since = now() - AFTER + 1;
    await harness.advance(1);
    expect(harness.said).toEqual(['online', 'offline']);
    expect(harness.session.published.at(-1)).toMatchObject({ topic: 'Aranet/gw-1/status', retain: true });
    expect(harness.status).toMatchObject({
      code: 'MQTT_INFO_NO_ERR',
      silentSince: new Date(since).toISOString(),
    });
    expect(harness.gateway.isSilent).toBe(true);
    expect(harness.gateway.checkpoint()).toMatchObject({ a: since, q: 1 });
    await harness.reading(2);
    expect(harness.session.payloads.slice(-2)).toEqual(['online', '2']);
    expect(harness.status?.silentSince).toBeUndefined();
    expect(harness.gateway.checkpoint()).not.toHaveProperty('q');
    await harness.advance(AFTER);
    expect(last()).toBe('offline');
  });

  test('readings in time keep it present', async () => {
    for (let counter = 2; counter < 10; counter += 1) {
      await harness.advance(AFTER - 1_000);
      await harness.reading(counter);
    }
    expect(harness.said).toEqual(['online']);
  });

  test('metadata is no reading', async () => {
    await harness.advance(AFTER / 2);
    await harness.reading(2, { part: 1 });
    await harness.advance(AFTER / 2);
    expect(last()).toBe('offline');
  });

  test('a reconnect says offline again, and never online', async () => {
    await harness.advance(AFTER);
    harness.connector.attempts.at(-1)!.end(RESET);
    await harness.advance(5_000);
    expect(harness.connector.sessions).toHaveLength(2);
    expect(harness.said).toEqual(['online', 'offline', 'offline']);
  });

  test('that falls silent while its broker is away: what is true is said afterwards', async () => {
    harness.connector.outcome = () => ({ ok: false, failure: { phase: 'tcp', code: 'ECONNREFUSED' } });
    harness.connector.attempts.at(-1)!.end(RESET);
    await harness.advance(AFTER);
    expect(harness.gateway.isSilent).toBe(true);
    harness.connector.outcome = () => harness.connector.session();
    for (let second = 0; harness.connector.sessions.length < 2 && second < 60; second += 1)
      await harness.advance(1_000);
    expect(harness.said).toEqual(['online', 'offline']);
  });

  test('0 intervals: never', async () => {
    await harness.configure({ will: { silenceIntervals: 0 } });
    await harness.advance(1_000 * AFTER);
    expect(last()).toBe('online');
  });

  test('settings count at once, without a new session where only they change', async () => {
    await harness.advance(AFTER / 2);
    await harness.configure({ will: { silenceIntervals: 1 } });
    await harness.advance(0);
    expect(last()).toBe('offline');
    await harness.configure({ will: { silenceIntervals: 10 } });
    expect(last()).toBe('online');
    expect(harness.connector.sessions).toHaveLength(1);
  });

  test('nothing is written without a valid lease; it is said when the lease is valid again', async () => {
    harness.parts.lease.valid = false;
    await harness.advance(AFTER);
    expect(last()).toBe('online');
    harness.parts.lease.valid = true;
    harness.gateway.resume();
    await harness.advance(1_000);
    expect(last()).toBe('offline');
  });
});

describe('before silence is declared', () => {
  test('what was accepted and not encoded yet is waited for', async () => {
    await harness.advance(AFTER - 10_000);
    harness.upstream = { acceptedAt: now(), outboxSequence: 0 };
    await harness.advance(AFTER - 1_000);
    expect(last()).toBe('online');
    await harness.advance(1_000);
    expect(last()).toBe('offline');
  });

  test('what is in the outbox is read first', async () => {
    harness.upstream = { acceptedAt: undefined, outboxSequence: 2 };
    await harness.advance(AFTER + 5_000);
    expect(last()).toBe('online');
    await harness.reading(2);
    await harness.advance(AFTER - 1);
    expect(harness.said).toEqual(['online']);
  });

  test('while nobody can be asked, nothing is declared', async () => {
    harness.upstream = new GatecastError('NATS_UNAVAILABLE', 'away');
    await harness.advance(AFTER + 60_000);
    expect(last()).toBe('online');
    harness.upstream = { acceptedAt: undefined, outboxSequence: 0 };
    await harness.advance(1_000);
    expect(last()).toBe('offline');
  });
});

describe('a new owner', () => {
  const taking = async (checkpoint: { a: number; q?: 1 }, upstream = harness.upstream) => {
    const successor = new SessionHarness({ checkpoint: { i: 'first', s: 1, ...checkpoint } });
    successor.upstream = upstream;
    successor.connector.outcome = () => successor.connector.session();
    await successor.start();
    await successor.advance(0);
    return successor;
  };

  test('of a silent gateway says offline, and never online', async () => {
    const successor = await taking({ a: now() - 2 * AFTER, q: 1 });
    expect(successor.said).toEqual(['offline']);
    expect(successor.status?.silentSince).toBeDefined();
  });

  test('finds out what nobody has noted', async () => {
    const successor = await taking({ a: now() - 2 * AFTER });
    expect(successor.said).toEqual(['offline']);
  });

  test('says nothing before it has read what waits in the outbox', async () => {
    const successor = await taking({ a: now() - 2 * AFTER, q: 1 }, { acceptedAt: now(), outboxSequence: 2 });
    expect(successor.said).toEqual([]);
    await successor.reading(2);
    expect(successor.said).toEqual(['online']);
  });
});
