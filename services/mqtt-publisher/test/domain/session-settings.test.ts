import type { GatewayRecord, IntegrationSettings } from '@gatecast/shared/model';
import { describe, expect, test } from 'vitest';
import {
  desiredSession,
  leavesStaleWill,
  type SessionSettings,
  sameSession,
} from '../../src/domain/session-settings.ts';

function record(mqtt: IntegrationSettings): GatewayRecord {
  return {
    gatewayId: 'gw-1',
    workspace: 'acme',
    fleet: 'default',
    incarnation: 'first',
    createdAt: '2026-01-01T00:00:00.000Z',
    ingestTokenHash: '0'.repeat(64),
    mqtt,
  };
}

const desired = (mqtt: IntegrationSettings, revision = 1) => desiredSession(record(mqtt), revision);
const HOST = { host: 'broker.example' } as const;

function settings(mqtt: IntegrationSettings): SessionSettings {
  const session = desired({ ...HOST, ...mqtt });
  if (!session.settings) throw new Error(`no session: ${session.without}`);
  return session.settings;
}

describe('desiredSession', () => {
  test('a deleted gateway has none', () => {
    expect(desiredSession(undefined, 5)).toEqual({
      settings: undefined,
      without: 'deleted',
      revision: 5,
      silentAfterMs: 0,
    });
  });

  test.each([
    [{}, 'no_host'],
    [{ enabled: false }, 'no_host'],
    [{ ...HOST, enabled: false }, 'disabled'],
  ] as const)('%j has none: %s', (mqtt, without) => {
    expect(desired(mqtt)).toEqual({ settings: undefined, without, revision: 1, silentAfterMs: 0 });
  });

  test('the host alone is enough', () => {
    expect(desired(HOST, 3)).toEqual({
      revision: 3,
      silentAfterMs: 180_000,
      without: undefined,
      settings: {
        gatewayId: 'gw-1',
        host: 'broker.example',
        port: 1883,
        tls: { enabled: false, caCertificate: undefined, clientCertificate: undefined, serverName: undefined },
        sealedPassword: undefined,
        sealedClientKey: undefined,
        username: undefined,
        clientId: 'gw-1',
        protocolVersion: 4,
        keepAliveSeconds: 60,
        qos: 1,
        will: {
          enabled: true,
          topic: 'Aranet/gw-1/status',
          payload: 'offline',
          birthPayload: 'online',
          qos: 1,
          retain: true,
        },
        inFlight: 20,
        ackTimeoutMs: 10_000,
        publishesPerSecond: undefined,
        traceContext: false,
      },
    });
  });

  test('every setting of a session gets there', () => {
    const will = { enabled: true, topic: 't', payload: 'p', birthPayload: 'b', qos: 2, retain: false } as const;
    const given = settings({
      port: 8884,
      tls: { enabled: true, caCertificate: 'ca', clientCertificate: 'cert', serverName: 'other.example' },
      sealed: { password: 'sealed password', 'tls.clientKey': 'sealed key' },
      username: 'user',
      clientId: 'client',
      protocolVersion: '5',
      keepAliveSeconds: 5,
      qos: 2,
      will: { ...will, silenceIntervals: 5 },
      advanced: { inFlight: 7, ackTimeoutSeconds: 3, traceContext: true },
    });
    expect(given).toEqual({
      gatewayId: 'gw-1',
      host: 'broker.example',
      port: 8884,
      tls: { enabled: true, caCertificate: 'ca', clientCertificate: 'cert', serverName: 'other.example' },
      sealedPassword: 'sealed password',
      sealedClientKey: 'sealed key',
      username: 'user',
      clientId: 'client',
      protocolVersion: 5,
      keepAliveSeconds: 5,
      qos: 2,
      will,
      inFlight: 7,
      ackTimeoutMs: 3_000,
      traceContext: true,
    });
  });

  test('AWS IoT Core takes 100 unacknowledged messages, whatever is set', () => {
    expect(settings({ profile: 'aws-iot-core', advanced: { inFlight: 500 } }).inFlight).toBe(100);
    expect(settings({ profile: 'aws-iot-core', advanced: { inFlight: 10 } }).inFlight).toBe(10);
  });
});

describe('sameSession', () => {
  test.each<[IntegrationSettings]>([
    [{ format: 'azure' }],
    [{ retain: true }],
    [{ measurementIntervalSeconds: 300 }],
    [{ will: { silenceIntervals: 0 } }],
    [{ advanced: { jsonNumbers: 'number' } }],
    [{ port: 1883, clientId: 'gw-1' }],
  ])('%j does not touch it', (mqtt) => {
    expect(sameSession(desired(HOST, 1), desired({ ...HOST, ...mqtt }, 2))).toBe(true);
  });

  test.each<[IntegrationSettings]>([
    [{ host: 'other.example' }],
    [{ port: 1884 }],
    [{ tls: { enabled: true } }],
    [{ username: 'user' }],
    [{ sealed: { password: 'sealed anew' } }],
    [{ clientId: 'other' }],
    [{ protocolVersion: '5' }],
    [{ keepAliveSeconds: 30 }],
    [{ qos: 0 }],
    [{ will: { enabled: false } }],
    [{ rootTopic: 'other' }],
    [{ advanced: { inFlight: 1 } }],
    [{ advanced: { ackTimeoutSeconds: 1 } }],
    [{ advanced: { traceContext: true } }],
    [{ enabled: false }],
  ])('%j does', (mqtt) => {
    expect(sameSession(desired(HOST), desired({ ...HOST, ...mqtt }))).toBe(false);
  });
});

describe('leavesStaleWill', () => {
  test.each<[string, IntegrationSettings, IntegrationSettings | 'deleted', boolean]>([
    ['the gateway was deleted', {}, 'deleted', true],
    ['the will is on another topic', {}, { will: { topic: 'other' } }, true],
    ['another root topic moves the will', {}, { rootTopic: 'other' }, true],
    ['another host', {}, { host: 'other.example' }, true],
    ['another port', {}, { port: 1884 }, true],
    ['the will was switched off', {}, { will: { enabled: false } }, true],
    ['the integration was disabled: its last word stays', {}, { enabled: false }, false],
    ['the password changed', {}, { sealed: { password: 'x' } }, false],
    ['it was not retained', { will: { retain: false } }, 'deleted', false],
    ['there was no will', { will: { enabled: false } }, 'deleted', false],
  ])('%s', (_name, before, after, expected) => {
    const next = after === 'deleted' ? desiredSession(undefined, 2) : desired({ ...HOST, ...after }, 2);
    expect(leavesStaleWill(settings(before), next)).toBe(expected);
  });
});
