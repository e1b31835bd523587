import { STATUS_CODES, type StatusCode } from '@gatecast/shared/model';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CombinedStatus } from '../../../src/domain/status/combine.ts';
import { detailsOf } from '../../../src/domain/status/details.ts';
import { type Credentials, issueCredentials } from '../integration/credentials.ts';
import { gatewayRecord } from './samples.ts';

const green: CombinedStatus = {
  code: 'MQTT_INFO_NO_ERR',
  class: 'ok',
  reason: 'delivering',
  message: 'Messages arrive.',
  active: true,
  since: '2026-01-01T01:00:00.000Z',
  updated: '2026-01-01T02:00:00.000Z',
  attempt: 0,
};

let credentials: Credentials;

beforeAll(async () => {
  credentials = await issueCredentials();
});

const texts = (details: ReturnType<typeof detailsOf>) =>
  Object.fromEntries(details.rows.map(({ key, text }) => [key, text]));

describe('detailsOf', () => {
  it('has the rows of the display under the manual’s labels, in its order', () => {
    const { rows } = detailsOf(gatewayRecord(), green);
    expect(rows.map(({ label, text }) => [label, text])).toEqual([
      ['Status', 'Active'],
      ['Updated', '2026-01-01T02:00:00.000Z'],
      ['Host', 'broker.example'],
      ['Authentication', 'None'],
      ['Root topic', 'Aranet'],
      ['Protocol version', '3.1.1'],
      ['Keep alive', '60 s'],
      ['Sensor measurement format', 'JSON'],
      ['QoS level', '1 (at least once)'],
      ['LWT retain', 'Yes'],
      ['Host CA cert FP', '–'],
      ['Client cert FP', '–'],
      ['Client key FP', '–'],
    ]);
  });

  it('says the same to programs, with defaults filled in', () => {
    expect(detailsOf(gatewayRecord(), green).values).toEqual({
      status: {
        code: 'MQTT_INFO_NO_ERR',
        text: 'Active',
        message: 'Messages arrive.',
        active: true,
        indicator: 'green',
      },
      updated: '2026-01-01T02:00:00.000Z',
      host: 'broker.example',
      port: 1883,
      authentication: 'none',
      rootTopic: 'Aranet',
      protocolVersion: '3.1.1',
      keepAliveSeconds: { configured: 60 },
      format: 'json',
      qos: 1,
      lwtRetain: true,
      fingerprints: {},
    });
  });

  it('shows settings that are not the defaults, and the broker’s keep-alive with MQTT 5', () => {
    const { ca, client } = credentials;
    const gateway = gatewayRecord({
      mqtt: {
        host: '10.0.0.1',
        tls: { enabled: true, caCertificate: ca, clientCertificate: client.certificate },
        username: 'user',
        sealed: { password: 'JWE', 'tls.clientKey': 'JWE' },
        clientKeyFingerprint: 'ab12',
        rootTopic: 'site/7',
        protocolVersion: '5',
        keepAliveSeconds: 120,
        format: 'azure',
        qos: 2,
        will: { retain: false },
      },
    });
    const details = detailsOf(gateway, { ...green, serverKeepAliveSeconds: 30 });
    expect(texts(details)).toMatchObject({
      host: '10.0.0.1',
      authentication: 'Password and certificate',
      rootTopic: 'site/7',
      protocolVersion: '5',
      keepAlive: '120 s (broker: 30 s)',
      format: 'Azure IoT',
      qos: '2 (exactly once)',
      lwtRetain: 'No',
      hostCaCertFp: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      clientCertFp: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      clientKeyFp: 'AB:12',
    });
    expect(details.values).toMatchObject({
      port: 8883,
      authentication: 'both',
      keepAliveSeconds: { configured: 120, broker: 30 },
    });
    expect(JSON.stringify(details)).not.toContain('JWE');
  });

  it.each([
    ['none', {}],
    ['password', { username: 'user' }],
    ['password', { protocolVersion: '5', sealed: { password: 'JWE' } }],
    ['certificate', { tls: { enabled: true, clientCertificate: 'C' } }],
    ['none', { tls: { clientCertificate: 'not in use' } }],
    ['both', { username: 'user', tls: { enabled: true, clientCertificate: 'C' } }],
  ] as const)('authentication: %s', (expected, mqtt) => {
    expect(detailsOf(gatewayRecord({ mqtt }), green).values.authentication).toBe(expected);
  });

  it('has no LWT to retain without a will', () => {
    expect(detailsOf(gatewayRecord({ mqtt: { will: { enabled: false } } }), green).values.lwtRetain).toBe(false);
  });

  it('says what the broker does less than the settings ask for, and since when a gateway is silent', () => {
    const brokerLimits = { qos: 1, willRetain: false } as const;
    const silentSince = '2026-01-01T00:00:00.000Z';
    const details = detailsOf(gatewayRecord({ mqtt: { qos: 2 } }), { ...green, brokerLimits, silentSince });
    expect(texts(details)).toMatchObject({ qos: '2 (exactly once) (broker: 1)', lwtRetain: 'Yes (broker: no)' });
    expect(details.values).toMatchObject({ brokerLimits, silentSince });
  });

  it('leaves the broker’s keep-alive out with MQTT 3.1.1, which has none', () => {
    expect(detailsOf(gatewayRecord(), { ...green, serverKeepAliveSeconds: 30 }).values.keepAliveSeconds).toEqual({
      configured: 60,
    });
  });

  const indicators: Record<StatusCode, [text: string, indicator: string]> = {
    MQTT_INFO_NO_ERR: ['Active', 'green'],
    MQTT_INFO_SELF_INIT_DISCONN: ['Active', 'green'],
    MQTT_INFO_DISABLED_BY_USER: ['Disabled', 'grey'],
    MQTT_WARNING_CONNECTING: ['Connecting', 'yellow'],
    MQTT_ERROR_CONN_REFUSED: ['Connection refused', 'red'],
    MQTT_ERROR_AUTH_FAILED: ['Authentication failed', 'red'],
    MQTT_ERROR_HOST_UNREACHABLE: ['Host unreachable', 'red'],
    MQTT_ERROR_UNEXP_DISCONN: ['Unexpected disconnect', 'red'],
  };

  it.each(STATUS_CODES)('%s has its text and its colour', (code) => {
    const [text, indicator] = indicators[code];
    const active = indicator === 'green';
    expect(detailsOf(gatewayRecord(), { ...green, code, active }).values.status).toMatchObject({
      text,
      indicator,
      active,
    });
  });
});
