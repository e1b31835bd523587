import { expect, test } from 'vitest';
import { imageOf, readEnvironment } from '../src/environment.ts';
import { brokerValues } from '../src/release/release.ts';

const LEAST = { KUBECONFIG: '/kubeconfig', GATECAST_IMAGE_TAG: '1.10' };

test('images are named by registry, repository, service and tag', () => {
  expect(imageOf(readEnvironment(LEAST), 'encoder')).toBe('gatecast/encoder:1.10');
  const own = { ...LEAST, GATECAST_IMAGE_REGISTRY: 'registry.example:5000', GATECAST_IMAGE_REPOSITORY: 'a/b' };
  expect(imageOf(readEnvironment(own), 'encoder')).toBe('registry.example:5000/a/b/encoder:1.10');
});

test('an empty variable counts as absent, and what is needed is named', () => {
  expect(readEnvironment({ ...LEAST, GATECAST_IMAGE_NEXT_TAG: '' }).nextTag).toBeUndefined();
  expect(() => readEnvironment({ ...LEAST, GATECAST_IMAGE_TAG: '' })).toThrow('GATECAST_IMAGE_TAG');
  expect(() => readEnvironment({ GATECAST_IMAGE_TAG: '1' })).toThrow('KUBECONFIG');
});

test('a broker outside has a host and a port', () => {
  const outside = (GATECAST_E2E_OUTSIDE_BROKER: string) =>
    readEnvironment({ ...LEAST, GATECAST_E2E_OUTSIDE_BROKER }).outsideBroker;
  expect(outside('broker.example:1884')).toEqual({ host: 'broker.example', port: 1884 });
  expect(outside('[2001:db8::1]:1883')).toEqual({ host: '2001:db8::1', port: 1883 });
  expect(() => outside('broker.example')).toThrow('no host:port');
});

test('brokers are allowed by name, or by address', () => {
  const brokers = new Map([
    ['open', { host: 'open.svc', port: 1883 }],
    ['outside', { host: '192.0.2.1', port: 1883 }],
  ]);
  expect(brokerValues(brokers, 'brokers')).toEqual({
    'brokers.allowedHosts': ['open.svc'],
    'brokers.inCluster': [{ namespace: 'brokers' }],
    'brokers.allowedRanges': ['192.0.2.1/32'],
  });
});
