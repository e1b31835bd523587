import { isActive, type StatusRecord } from '@gatecast/shared/model';
import { beforeEach, describe, expect, test } from 'vitest';
import { classify } from '../../src/domain/classify.ts';
import { StatusTracker } from '../../src/domain/status-tracker.ts';

const IDENTITY = { gatewayId: 'gw-1', workspace: 'acme', fleet: 'default', incarnation: 'first' };
const OWNER = { instance: 'publisher-1', epoch: 7 };
const CLOSED_PORT = classify({ phase: 'tcp', code: 'ECONNREFUSED' });

let now: number;
let emitted: { record: StatusRecord; transition: boolean }[];
let tracker: StatusTracker;

beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  emitted = [];
  tracker = new StatusTracker(
    IDENTITY,
    OWNER,
    () => new Date(now),
    (record, transition) => emitted.push({ record, transition }),
  );
});

const last = () => emitted.at(-1)!;

describe('records', () => {
  test('before anything happened there is none', () => {
    expect(tracker.current).toBeUndefined();
  });

  test('connecting', () => {
    tracker.connecting('broker.example');
    expect(last()).toEqual({
      transition: true,
      record: {
        ...IDENTITY,
        code: 'MQTT_WARNING_CONNECTING',
        class: 'pending',
        reason: 'connecting',
        message: 'Connecting.',
        since: '2026-01-01T00:00:00.000Z',
        updated: '2026-01-01T00:00:00.000Z',
        host: 'broker.example',
        attempt: 1,
        owner: OWNER,
      },
    });
  });

  test('of a gateway whose whole record is passed, nothing but the identity is said', () => {
    const whole = { ...IDENTITY, ingestTokenHash: 'hash', mqtt: { sealed: { password: 'JWE' } } };
    const strict = new StatusTracker(
      whole,
      OWNER,
      () => new Date(now),
      (record, transition) => emitted.push({ record, transition }),
    );
    strict.connecting('broker.example');
    expect(last().record).not.toHaveProperty('mqtt');
    strict.reidentify(whole, OWNER);
    expect(last().record).not.toHaveProperty('mqtt');
    expect(last().record).not.toHaveProperty('ingestTokenHash');
  });

  test('delivering says the keep-alive that the broker imposed, and no attempt', () => {
    tracker.delivering('broker.example', { serverKeepAliveSeconds: 30 });
    expect(last().record).toMatchObject({ class: 'ok', attempt: 0, serverKeepAliveSeconds: 30 });
    tracker.delivering('broker.example', {});
    expect(last().record).not.toHaveProperty('serverKeepAliveSeconds');
  });

  test('a failure says how often it was tried and when it is tried again', () => {
    tracker.failed(CLOSED_PORT, 'broker.example', 3, new Date(now + 5_000));
    expect(last().record).toMatchObject({
      code: 'MQTT_ERROR_CONN_REFUSED',
      reason: 'connection_refused',
      attempt: 3,
      nextAttemptAt: '2026-01-01T00:00:05.000Z',
    });
  });

  test('what an earlier state had to say does not stay', () => {
    tracker.failed(CLOSED_PORT, 'broker.example', 3, new Date(now));
    tracker.delivering('broker.example', { serverKeepAliveSeconds: 20 });
    expect(last().record).not.toHaveProperty('nextAttemptAt');
    tracker.disabled('disabled');
    expect(last().record).not.toHaveProperty('host');
    expect(last().record).not.toHaveProperty('serverKeepAliveSeconds');
  });

  test.each(['disabled', 'no_host'] as const)('switched off: %s', (why) => {
    tracker.disabled(why);
    expect(last().record).toMatchObject({ code: 'MQTT_INFO_DISABLED_BY_USER', class: 'off', reason: why });
    expect(isActive(last().record.code)).toBe(false);
  });

  test.each(['settings_changed', 'handover'] as const)('closed by us: %s', (reason) => {
    tracker.closedByUs(reason, 'Closed.');
    expect(last().record).toMatchObject({ code: 'MQTT_INFO_SELF_INIT_DISCONN', class: 'ok', reason });
    expect(isActive(last().record.code)).toBe(true);
  });
});

describe('transitions', () => {
  test('the same again is none, and `since` stays', () => {
    tracker.failed(CLOSED_PORT, 'broker.example', 1, new Date(now));
    now += 60_000;
    tracker.failed(CLOSED_PORT, 'broker.example', 2, new Date(now));
    expect(last()).toMatchObject({
      transition: false,
      record: { since: '2026-01-01T00:00:00.000Z', updated: '2026-01-01T00:01:00.000Z', attempt: 2 },
    });
  });

  test('another reason under the same code is one', () => {
    tracker.failed(CLOSED_PORT, 'broker.example', 1, new Date(now));
    now += 60_000;
    tracker.failed(classify({ phase: 'connack', kind: 'not_mqtt' }), 'broker.example', 2, new Date(now));
    expect(last()).toMatchObject({ transition: true, record: { since: '2026-01-01T00:01:00.000Z' } });
  });
});

describe('a new owner or registration', () => {
  test('is told at once, and is no transition', () => {
    tracker.delivering('broker.example', { serverKeepAliveSeconds: 30 });
    now += 1_000;
    tracker.reidentify({ ...IDENTITY, workspace: 'other' }, { instance: 'publisher-1', epoch: 9 });
    expect(last()).toMatchObject({
      transition: false,
      record: { workspace: 'other', owner: { epoch: 9 }, since: '2026-01-01T00:00:00.000Z' },
    });
  });

  test('keeps what the record says of the connection', () => {
    tracker.failed(CLOSED_PORT, 'broker.example', 4, new Date(now + 5_000));
    const { code, reason, host, attempt, nextAttemptAt } = tracker.current!;
    tracker.reidentify(IDENTITY, { instance: 'publisher-1', epoch: 9 });
    expect(tracker.current).toMatchObject({ code, reason, host, attempt, nextAttemptAt });
    tracker.delivering('broker.example', { serverKeepAliveSeconds: 30 });
    tracker.reidentify(IDENTITY, { instance: 'publisher-1', epoch: 10 });
    expect(tracker.current).toMatchObject({ host, serverKeepAliveSeconds: 30 });
  });

  test('before anything happened nothing is told', () => {
    tracker.reidentify(IDENTITY, { instance: 'publisher-1', epoch: 9 });
    expect(emitted).toEqual([]);
    tracker.connecting('broker.example');
    expect(last().record.owner.epoch).toBe(9);
  });
});
