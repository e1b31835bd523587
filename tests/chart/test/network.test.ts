import { describe, expect, it } from 'vitest';
import { isAllowed, type Peer } from '../src/network.ts';
import { type Pod, Release } from '../src/release.ts';
import { goodRelease } from './good-release.ts';

describe('what NetworkPolicies allow', () => {
  const release = new Release(goodRelease());
  const podOf = (name: string): Pod => {
    const pod = release.pods.find(({ owner }) => owner.metadata.name === `gatecast-${name}`);
    if (pod === undefined) throw new Error(`the release has no ${name}`);
    return pod;
  };
  const peerOf = (name: string): Peer => ({ labels: podOf(name).labels, namespace: 'own' });
  const stranger: Peer = { labels: { app: 'stranger' }, namespace: 'own' };
  const dns: Peer = { labels: { 'k8s-app': 'kube-dns' }, namespace: { 'kubernetes.io/metadata.name': 'kube-system' } };

  it.each<[direction: 'ingress' | 'egress', pod: string, peer: Peer, port: number, expected: boolean]>([
    ['egress', 'encoder', peerOf('nats'), 4222, true],
    ['egress', 'encoder', peerOf('nats'), 8222, false],
    ['egress', 'encoder', { ip: '203.0.113.7' }, 8883, false],
    ['egress', 'mqtt-publisher', { ip: '203.0.113.7' }, 8883, true],
    ['egress', 'mqtt-publisher', { ip: '10.0.0.1' }, 8883, false],
    ['egress', 'mqtt-publisher', { ip: '169.254.169.254' }, 80, false],
    ['egress', 'mqtt-publisher', { ip: '2001:db8::1' }, 8883, false],
    ['ingress', 'nats', peerOf('encoder'), 4222, true],
    ['ingress', 'nats', peerOf('encoder'), 8222, false],
    ['ingress', 'nats', stranger, 4222, false],
    ['ingress', 'config-api', stranger, 8080, false],
  ])('%s of %s: %o, port %i: %s', (direction, pod, peer, port, expected) => {
    expect(isAllowed(release, { direction, pod: podOf(pod), peer, port })).toBe(expected);
  });

  it('tells UDP from TCP, and other namespaces from the own one', () => {
    const query = { direction: 'egress', pod: podOf('mqtt-publisher'), peer: dns, port: 53 } as const;
    expect(isAllowed(release, { ...query, protocol: 'UDP' })).toBe(true);
    expect(isAllowed(release, query)).toBe(false);
    expect(isAllowed(release, { ...query, pod: podOf('encoder'), protocol: 'UDP' })).toBe(false);
  });

  it('is everything where no policy selects the pod', () => {
    const bare = new Release(goodRelease().filter(({ kind }) => kind !== 'NetworkPolicy'));
    expect(isAllowed(bare, { direction: 'egress', pod: podOf('encoder'), peer: { ip: '10.0.0.1' }, port: 1 })).toBe(
      true,
    );
  });
});
