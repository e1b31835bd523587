import type { StatusRecord } from '@gatecast/shared/model';
import { describe, expect, it } from 'vitest';
import { combineStatus, type StatusFacts } from '../../../src/domain/status/combine.ts';
import type { OwnerFacts } from '../../../src/domain/status/lease-liveness.ts';
import { gatewayRecord, statusRecord } from './samples.ts';

const NOW = Date.parse('2026-01-01T02:00:00.000Z');
const RENEWED = '2026-01-01T01:59:58.000Z';

const alive: OwnerFacts = { live: true, instance: 'pub-1', sinceEpoch: 10, renewedAt: RENEWED };
const dead: OwnerFacts = { ...alive, live: false };
const neverSeen: OwnerFacts = { live: false, sinceEpoch: 0 };
const successor: OwnerFacts = { live: true, instance: 'pub-2', sinceEpoch: 20, renewedAt: RENEWED };
const encoding: OwnerFacts = { live: true, instance: 'enc-1', sinceEpoch: 5, renewedAt: RENEWED };

const off = gatewayRecord({ mqtt: { host: 'broker.example', enabled: false } });
const noHost = gatewayRecord({ mqtt: {} });
const disabled: Partial<StatusRecord> = { code: 'MQTT_INFO_DISABLED_BY_USER', class: 'off', reason: 'disabled' };
const refused: Partial<StatusRecord> = { code: 'MQTT_ERROR_AUTH_FAILED', class: 'user', reason: 'bad_credentials' };
const unexpected: Partial<StatusRecord> = { code: 'MQTT_ERROR_UNEXP_DISCONN', class: 'remote', reason: 'ack_timeout' };
const connecting: Partial<StatusRecord> = { code: 'MQTT_WARNING_CONNECTING', class: 'pending', reason: 'connecting' };

function combine(change: Partial<StatusFacts> = {}) {
  return combineStatus({
    gateway: gatewayRecord(),
    record: statusRecord(),
    publisher: alive,
    encoder: encoding,
    oldestUnencodedAt: undefined,
    now: NOW,
    ...change,
  });
}

type Row = [what: string, facts: Partial<StatusFacts>, code: string, statusClass: string, reason: string];

describe('combineStatus', () => {
  it.each<Row>([
    // What the live owner says.
    ['a green record of the live owner', {}, 'MQTT_INFO_NO_ERR', 'ok', 'delivering'],
    ['a refusal', { record: statusRecord(refused) }, 'MQTT_ERROR_AUTH_FAILED', 'user', 'bad_credentials'],
    ['switched off', { gateway: off, record: statusRecord(disabled) }, 'MQTT_INFO_DISABLED_BY_USER', 'off', 'disabled'],
    ['switched off, and the owner is still closing', { gateway: off }, 'MQTT_INFO_NO_ERR', 'ok', 'delivering'],
    [
      'switched on, and the owner has not said so yet',
      { record: statusRecord(disabled) },
      'MQTT_WARNING_CONNECTING',
      'pending',
      'starting',
    ],
    // Nobody is there.
    ['a green record of a dead owner', { publisher: dead }, 'MQTT_WARNING_CONNECTING', 'platform', 'no_owner'],
    [
      'an error of a dead owner',
      { record: statusRecord(refused), publisher: dead },
      'MQTT_WARNING_CONNECTING',
      'platform',
      'no_owner',
    ],
    ['no owner ever', { record: undefined, publisher: neverSeen }, 'MQTT_WARNING_CONNECTING', 'platform', 'no_owner'],
    [
      'switched off after its owner died',
      { gateway: off, publisher: dead },
      'MQTT_WARNING_CONNECTING',
      'platform',
      'no_owner',
    ],
    [
      'switched off before its owner died',
      { gateway: off, record: statusRecord(disabled), publisher: dead },
      'MQTT_INFO_DISABLED_BY_USER',
      'off',
      'disabled',
    ],
    [
      'switched on after its owner died',
      { record: statusRecord(disabled), publisher: dead },
      'MQTT_WARNING_CONNECTING',
      'platform',
      'no_owner',
    ],
    [
      'no host, no owner',
      { gateway: noHost, record: undefined, publisher: neverSeen },
      'MQTT_INFO_DISABLED_BY_USER',
      'off',
      'no_host',
    ],
    // A live owner that has not spoken.
    ['no record yet', { record: undefined }, 'MQTT_WARNING_CONNECTING', 'pending', 'starting'],
    [
      'a record of a former life',
      { record: statusRecord({ incarnation: 'life-0' }) },
      'MQTT_WARNING_CONNECTING',
      'pending',
      'starting',
    ],
    ['a record of the former owner', { publisher: successor }, 'MQTT_WARNING_CONNECTING', 'pending', 'starting'],
    [
      'a record of the same process before it was restarted',
      { publisher: { ...alive, sinceEpoch: 11 } },
      'MQTT_WARNING_CONNECTING',
      'pending',
      'starting',
    ],
    [
      'no host, and the owner has not spoken',
      { gateway: noHost, record: undefined },
      'MQTT_INFO_DISABLED_BY_USER',
      'off',
      'no_host',
    ],
    [
      'off, and the owner has not spoken',
      { gateway: off, record: undefined },
      'MQTT_INFO_DISABLED_BY_USER',
      'off',
      'disabled',
    ],
    // The encoder.
    [
      'a dead encoder',
      { encoder: { ...encoding, live: false } },
      'MQTT_WARNING_CONNECTING',
      'platform',
      'encoder_behind',
    ],
    ['no encoder ever', { encoder: neverSeen }, 'MQTT_WARNING_CONNECTING', 'platform', 'encoder_behind'],
    [
      'readings that wait for 31 s',
      { oldestUnencodedAt: NOW - 31_000 },
      'MQTT_WARNING_CONNECTING',
      'platform',
      'encoder_behind',
    ],
    ['readings that wait for 30 s', { oldestUnencodedAt: NOW - 30_000 }, 'MQTT_INFO_NO_ERR', 'ok', 'delivering'],
    [
      'readings that wait while the session connects',
      { record: statusRecord(connecting), oldestUnencodedAt: NOW - 60_000 },
      'MQTT_WARNING_CONNECTING',
      'platform',
      'encoder_behind',
    ],
    [
      'readings that wait before the owner has spoken',
      { record: undefined, oldestUnencodedAt: NOW - 60_000 },
      'MQTT_WARNING_CONNECTING',
      'platform',
      'encoder_behind',
    ],
    // What somebody has to mend comes before what mends itself.
    [
      'a refusal and a dead encoder',
      { record: statusRecord(refused), encoder: neverSeen },
      'MQTT_ERROR_AUTH_FAILED',
      'user',
      'bad_credentials',
    ],
    [
      'a broken broker and a dead encoder',
      { record: statusRecord(unexpected), encoder: neverSeen },
      'MQTT_ERROR_UNEXP_DISCONN',
      'remote',
      'ack_timeout',
    ],
    [
      'off and a dead encoder',
      { gateway: off, record: statusRecord(disabled), encoder: neverSeen },
      'MQTT_INFO_DISABLED_BY_USER',
      'off',
      'disabled',
    ],
    ['on its way to another fleet', { isMoving: true }, 'MQTT_WARNING_CONNECTING', 'pending', 'moving'],
    [
      'on its way to a dead one',
      { isMoving: true, publisher: dead },
      'MQTT_WARNING_CONNECTING',
      'platform',
      'no_owner',
    ],
    ['on its way, and off', { isMoving: true, gateway: off }, 'MQTT_INFO_DISABLED_BY_USER', 'off', 'disabled'],
    ['both dead', { publisher: dead, encoder: neverSeen }, 'MQTT_WARNING_CONNECTING', 'platform', 'no_owner'],
  ])('%s', (_what, facts, code, statusClass, reason) => {
    expect(combine(facts)).toMatchObject({ code, class: statusClass, reason, active: code === 'MQTT_INFO_NO_ERR' });
  });

  it('keeps what the same process said under an earlier epoch: it held its sockets through a NATS outage', () => {
    expect(combine({ publisher: { ...alive, sinceEpoch: 10 } }).owner).toEqual({ instance: 'pub-1', epoch: 10 });
  });

  it('was updated with the later of the record and the heartbeat', () => {
    expect(combine().updated).toBe(RENEWED);
    const justNow = statusRecord({ updated: '2026-01-01T01:59:59.500Z' });
    expect(combine({ record: justNow }).updated).toBe('2026-01-01T01:59:59.500Z');
  });

  it('passes on what belongs to an error', () => {
    const record = statusRecord({
      ...refused,
      attempt: 3,
      nextAttemptAt: '2026-01-01T02:00:05.000Z',
      message: 'Not authorised.',
    });
    expect(combine({ record })).toEqual({
      code: 'MQTT_ERROR_AUTH_FAILED',
      class: 'user',
      reason: 'bad_credentials',
      message: 'Not authorised.',
      active: false,
      since: record.since,
      updated: RENEWED,
      host: 'broker.example',
      attempt: 3,
      nextAttemptAt: '2026-01-01T02:00:05.000Z',
      owner: { instance: 'pub-1', epoch: 10 },
    });
  });

  it('is without an owner since the last sign of one', () => {
    expect(combine({ publisher: dead })).toMatchObject({ since: RENEWED, updated: RENEWED, attempt: 0 });
    expect(combine({ publisher: dead }).owner).toBeUndefined();
    const { createdAt } = gatewayRecord();
    expect(combine({ publisher: neverSeen, record: undefined }).since).toBe(createdAt);
  });

  it('is behind since the oldest reading that waits', () => {
    expect(combine({ oldestUnencodedAt: NOW - 45_000 }).since).toBe('2026-01-01T01:59:15.000Z');
  });
});
