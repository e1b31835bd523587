import { completeIntegration, type IntegrationInput } from '@gatecast/shared/model';
import { describe, expect, it } from 'vitest';
import { profileFaults } from '../../../src/domain/integration/profiles.ts';

function pointers(settings: IntegrationInput): string[] {
  return profileFaults(completeIntegration('gw-1', settings)).map(({ pointer }) => pointer);
}

const iotHub: IntegrationInput = {
  profile: 'azure-iot-hub',
  host: 'hub.azure-devices.net',
  tls: { enabled: true },
  will: { topic: 'devices/gw-1/messages/events/', retain: false },
};
const awsIot: IntegrationInput = { profile: 'aws-iot-core', host: 'x.iot.eu.amazonaws.com', tls: { enabled: true } };

describe('generic', () => {
  it('has no rules of its own', () => {
    expect(pointers({ qos: 2, retain: true, rootTopic: 'a/b/c/d/e/f/g/h' })).toEqual([]);
  });
});

describe('azure-iot-hub', () => {
  it.each<[string, IntegrationInput]>([
    ['as it should be', {}],
    ['without a will', { will: { enabled: false } }],
    ['at the longest keep-alive', { keepAliveSeconds: 1177 }],
    ['another device id', { clientId: 'dev', will: { topic: 'devices/dev/messages/events/x=1', retain: false } }],
  ])('accepts %s', (_what, change) => {
    expect(pointers({ ...iotHub, ...change })).toEqual([]);
  });

  it.each<[string, IntegrationInput, string]>([
    ['plain TCP', { tls: {} }, '/tls/enabled'],
    ['MQTT 5', { protocolVersion: '5' }, '/protocolVersion'],
    ['QoS 2', { qos: 2 }, '/qos'],
    ['retain', { retain: true }, '/retain'],
    ['a longer keep-alive', { keepAliveSeconds: 1178 }, '/keepAliveSeconds'],
    ['a will of another device', { clientId: 'dev' }, '/will/topic'],
    ['a will at QoS 2', { will: { ...iotHub.will, qos: 2 } }, '/will/qos'],
    ['a retained will', { will: { topic: 'devices/gw-1/messages/events/' } }, '/will/retain'],
  ])('refuses %s', (_what, change, pointer) => {
    expect(pointers({ ...iotHub, ...change })).toEqual([pointer]);
  });

  it('names all of it when only the profile was switched', () => {
    expect(pointers({ profile: 'azure-iot-hub', host: 'h' })).toEqual(['/tls/enabled', '/will/topic', '/will/retain']);
  });
});

describe('aws-iot-core', () => {
  it.each<[string, IntegrationInput]>([
    ['as it should be', {}],
    ['the deepest root', { rootTopic: 'a/b/c' }],
    ['the deepest will', { will: { topic: '1/2/3/4/5/6/7/8' } }],
    ['the widest window', { advanced: { inFlight: 100 } }],
  ])('accepts %s', (_what, change) => {
    expect(pointers({ ...awsIot, ...change })).toEqual([]);
  });

  it.each<[string, IntegrationInput, string]>([
    ['plain TCP', { tls: {} }, '/tls/enabled'],
    ['QoS 2', { qos: 2 }, '/qos'],
    ['a root that leaves no room', { rootTopic: 'a/b/c/d' }, '/rootTopic'],
    ['a will at QoS 2', { will: { qos: 2 } }, '/will/qos'],
    ['a will that is too deep', { will: { topic: '1/2/3/4/5/6/7/8/9' } }, '/will/topic'],
    ['a window that is too wide', { advanced: { inFlight: 101 } }, '/advanced/inFlight'],
  ])('refuses %s', (_what, change, pointer) => {
    expect(pointers({ ...awsIot, ...change })).toEqual([pointer]);
  });
});
