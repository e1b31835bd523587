import fc from 'fast-check';
import Value from 'typebox/value';
import { expect, test } from 'vitest';
import { completeIntegration, IntegrationInput, MEASUREMENT_INTERVALS_SECONDS } from '../../src/model/index.ts';

test('what nobody has set has the defaults of the product', () => {
  expect(completeIntegration('394260700033', {})).toEqual({
    enabled: false,
    host: undefined,
    port: 1883,
    tls: { enabled: false, caCertificate: undefined, clientCertificate: undefined, serverName: undefined },
    username: undefined,
    clientId: '394260700033',
    rootTopic: 'Aranet',
    format: 'json',
    protocolVersion: '3.1.1',
    keepAliveSeconds: 60,
    qos: 1,
    retain: false,
    will: {
      enabled: true,
      topic: 'Aranet/394260700033/status',
      payload: 'offline',
      birthPayload: 'online',
      qos: 1,
      retain: true,
      silenceIntervals: 3,
    },
    measurementIntervalSeconds: 60,
    profile: 'generic',
    advanced: { inFlight: 20, ackTimeoutSeconds: 10, traceContext: false, jsonNumbers: 'string', layoutVersion: 1 },
  });
});

test('setting a host is enough to enable it; without one it never is', () => {
  expect(completeIntegration('a', { host: 'broker.example' }).enabled).toBe(true);
  expect(completeIntegration('a', { host: 'broker.example', enabled: false }).enabled).toBe(false);
  expect(completeIntegration('a', { enabled: true }).enabled).toBe(false);
});

test('the port follows TLS unless it is given', () => {
  expect(completeIntegration('a', { tls: { enabled: true } }).port).toBe(8883);
  expect(completeIntegration('a', { tls: { enabled: true }, port: 1884 }).port).toBe(1884);
  expect(completeIntegration('a', { tls: { caCertificate: 'pem' } }).port).toBe(1883);
});

test('the will’s topic follows the root topic unless it is given', () => {
  expect(completeIntegration('a', { rootTopic: 'farm/1' }).will.topic).toBe('farm/1/a/status');
  expect(completeIntegration('a', { rootTopic: 'farm/1', will: { topic: 't' } }).will.topic).toBe('t');
});

test('whatever is given stays, falsy values too', () => {
  const given = {
    qos: 0,
    retain: false,
    will: { enabled: false, payload: '', qos: 0, retain: false, silenceIntervals: 0 },
    advanced: { traceContext: false },
  } as const;
  expect(completeIntegration('a', given)).toMatchObject(given);
});

const input: fc.Arbitrary<IntegrationInput> = fc.record(
  {
    enabled: fc.boolean(),
    host: fc.domain(),
    port: fc.integer({ min: 1, max: 65_535 }),
    username: fc.string({ minLength: 1 }),
    clientId: fc.string({ minLength: 1 }),
    rootTopic: fc.string({ minLength: 1 }),
    qos: fc.constantFrom(0, 1, 2),
    retain: fc.boolean(),
    keepAliveSeconds: fc.integer({ min: 5, max: 65_535 }),
    measurementIntervalSeconds: fc.constantFrom(...MEASUREMENT_INTERVALS_SECONDS),
    will: fc.record(
      { enabled: fc.boolean(), payload: fc.string(), qos: fc.constantFrom(0, 1, 2) },
      { requiredKeys: [] },
    ),
    tls: fc.record({ enabled: fc.boolean(), serverName: fc.domain() }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);

test('completing what is complete changes nothing', () => {
  fc.assert(
    fc.property(input, (settings) => {
      fc.pre(Value.Check(IntegrationInput, settings));
      const complete = completeIntegration('a', settings);
      const again = completeIntegration('a', JSON.parse(JSON.stringify(complete)) as IntegrationInput);
      expect(again).toEqual(complete);
    }),
  );
});

test.each([
  { mqttHost: 'x' },
  { port: 0 },
  { port: '1883' },
  { qos: 3 },
  { host: '' },
  { will: { topic: '' } },
  { tls: { clientKey: 'secret' } },
  { password: 'secret' },
  { measurementIntervalSeconds: 61 },
  { advanced: { inFlight: 0 } },
])('the schema refuses %j', (settings) => {
  expect(Value.Check(IntegrationInput, settings)).toBe(false);
});
