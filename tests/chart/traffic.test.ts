import { beforeAll, describe, expect, it } from 'vitest';
import { helm, tools } from './scenarios.ts';
import type { Values } from './src/helm.ts';
import { isAllowed, type Peer } from './src/network.ts';
import { type Pod, Release } from './src/release.ts';

const dns: Peer = { labels: { 'k8s-app': 'kube-dns' }, namespace: { 'kubernetes.io/metadata.name': 'kube-system' } };
const prometheus: Peer = { labels: { app: 'prometheus' }, namespace: { 'kubernetes.io/metadata.name': 'monitoring' } };
const collector: Peer = { labels: { app: 'otel' }, namespace: { 'kubernetes.io/metadata.name': 'observability' } };
const neighbour: Peer = { labels: { app: 'neighbour' }, namespace: 'own' };
const stranger: Peer = { labels: { app: 'stranger' }, namespace: { 'kubernetes.io/metadata.name': 'strangers' } };

/** Who is who: pods of the release by their component. */
type Component = 'config-api' | 'sensor-ingest' | 'encoder' | 'mqtt-publisher' | 'nats' | 'test';
const services: readonly Component[] = ['config-api', 'sensor-ingest', 'encoder', 'mqtt-publisher'];

class Traffic {
  readonly #release: Release;

  constructor(release: Release) {
    this.#release = release;
  }

  static async of(values: Values): Promise<Traffic> {
    return new Traffic(Release.parse(await helm.template({ values })));
  }

  pod(component: Component): Pod {
    const pod = this.#release.pods.find(({ labels }) => labels['app.kubernetes.io/component'] === component);
    if (pod === undefined) throw new Error(`the release has no ${component}`);
    return pod;
  }

  /** From one pod of the release to another: both ends have to allow it. */
  passes(from: Component, to: Component, port: number): boolean {
    const [sender, receiver] = [this.pod(from), this.pod(to)];
    return (
      this.leaves(from, { labels: receiver.labels, namespace: 'own' }, port) &&
      this.enters(to, { labels: sender.labels, namespace: 'own' }, port)
    );
  }

  leaves(from: Component, peer: Peer, port: number, protocol: 'TCP' | 'UDP' = 'TCP'): boolean {
    return isAllowed(this.#release, { direction: 'egress', pod: this.pod(from), peer, port, protocol });
  }

  enters(to: Component, peer: Peer, port: number): boolean {
    return isAllowed(this.#release, { direction: 'ingress', pod: this.pod(to), peer, port });
  }
}

describe.skipIf(tools.helm === null)('by its network policies', () => {
  let traffic: Traffic;

  beforeAll(async () => {
    traffic = await Traffic.of({});
  });

  it.each(services)('%s reaches NATS, and the names of others', (service) => {
    expect(traffic.passes(service, 'nats', 4222)).toBe(true);
    expect(traffic.leaves(service, dns, 53, 'UDP')).toBe(true);
    expect(traffic.leaves(service, dns, 53)).toBe(true);
  });

  it.each(services)('%s does not reach the monitoring port of NATS, nor other services', (service) => {
    expect(traffic.passes(service, 'nats', 8222)).toBe(false);
    for (const other of services) {
      expect(traffic.passes(service, other, 8080)).toBe(false);
      expect(traffic.passes(service, other, 9090)).toBe(false);
    }
  });

  it.each([
    ['an address outside', { ip: '93.184.216.34' }, 8883, true],
    ['a port of its own choice', { ip: '93.184.216.34' }, 21_883, true],
    ['an IPv6 address outside', { ip: '2606:2800:220:1::1' }, 8883, true],
    ['the metadata service of a cloud', { ip: '169.254.169.254' }, 80, false],
    ['the same by IPv6', { ip: 'fd00:ec2::254' }, 80, false],
    ['the same behind NAT64', { ip: '64:ff9b::a9fe:a9fe' }, 80, false],
    ['loopback', { ip: '127.0.0.1' }, 1883, false],
    ['10.0.0.0/8', { ip: '10.43.0.1' }, 443, false],
    ['172.16.0.0/12', { ip: '172.20.0.1' }, 443, false],
    ['192.168.0.0/16', { ip: '192.168.1.10' }, 1883, false],
    ['addresses of carriers', { ip: '100.64.0.1' }, 1883, false],
    ['a pod in its namespace', neighbour, 1883, false],
    ['a pod of others', stranger, 1883, false],
  ] as [string, Peer, number, boolean][])('a publisher reaches %s: %o, port %i: %s', (_what, peer, port, expected) => {
    expect(traffic.leaves('mqtt-publisher', peer, port)).toBe(expected);
  });

  it.each(['config-api', 'sensor-ingest', 'encoder', 'nats', 'test'] as const)(
    '%s reaches nothing outside',
    (component) => {
      expect(traffic.leaves(component, { ip: '93.184.216.34' }, 443)).toBe(false);
      expect(traffic.leaves(component, stranger, 8080)).toBe(false);
    },
  );

  it('everybody reaches the two public services, and nobody the others', () => {
    for (const peer of [neighbour, stranger, { ip: '93.184.216.34' }]) {
      expect(traffic.enters('config-api', peer, 8080)).toBe(true);
      expect(traffic.enters('sensor-ingest', peer, 8080)).toBe(true);
      for (const service of services) expect(traffic.enters(service, peer, 9090)).toBe(false);
      for (const port of [4222, 6222, 8222]) expect(traffic.enters('nats', peer, port)).toBe(false);
    }
  });

  it('helm test reaches the two public services, and publishers its broker', () => {
    expect(traffic.passes('test', 'config-api', 8080)).toBe(true);
    expect(traffic.passes('test', 'sensor-ingest', 8080)).toBe(true);
    expect(traffic.passes('mqtt-publisher', 'test', 1883)).toBe(true);
    expect(traffic.enters('test', stranger, 1883)).toBe(false);
  });

  it('three NATS servers reach one another, and nobody else their port for that', async () => {
    const three = await Traffic.of({ nats: { bundled: { replicas: 3 } } });
    expect(three.passes('nats', 'nats', 6222)).toBe(true);
    expect(three.leaves('nats', dns, 53, 'UDP')).toBe(true);
    for (const service of services) expect(three.passes(service, 'nats', 6222)).toBe(false);
  });

  it('private brokers are reached once they are named', async () => {
    const named = await Traffic.of({
      brokers: {
        allowedRanges: ['10.20.0.0/16', 'fd12::/16'],
        inCluster: [{ namespace: 'strangers', podLabels: { app: 'stranger' } }],
      },
    });
    expect(named.leaves('mqtt-publisher', { ip: '10.20.1.1' }, 1883)).toBe(true);
    expect(named.leaves('mqtt-publisher', { ip: '10.21.1.1' }, 1883)).toBe(false);
    expect(named.leaves('mqtt-publisher', { ip: 'fd12::1' }, 1883)).toBe(true);
    expect(named.leaves('mqtt-publisher', stranger, 1883)).toBe(true);
    expect(named.leaves('mqtt-publisher', stranger, 8080)).toBe(false);
    expect(named.leaves('mqtt-publisher', neighbour, 1883)).toBe(false);
  });

  it('the ranges of a cluster with public addresses are closed, of both families', async () => {
    const ranges = { networkPolicy: { clusterRanges: ['93.184.0.0/16', '2606:2800::/32'] } };
    const closed = await Traffic.of(ranges);
    expect(closed.leaves('mqtt-publisher', { ip: '93.184.216.34' }, 8883)).toBe(false);
    expect(closed.leaves('mqtt-publisher', { ip: '2606:2800:220:1::1' }, 8883)).toBe(false);
    expect(closed.leaves('mqtt-publisher', { ip: '198.51.100.7' }, 8883)).toBe(true);
  });

  it('nothing outside is reached when the outside is closed', async () => {
    const outside = { ipv4: { enabled: false }, ipv6: { enabled: false } };
    const closed = await Traffic.of({ networkPolicy: { outside }, tests: { enabled: false } });
    for (const ip of ['93.184.216.34', '2606:2800:220:1::1']) {
      expect(closed.leaves('mqtt-publisher', { ip }, 8883)).toBe(false);
    }
    expect(closed.passes('mqtt-publisher', 'nats', 4222)).toBe(true);
  });

  it('Prometheus and the collector of traces are let through where they are named', async () => {
    const open = await Traffic.of({
      networkPolicy: {
        metricsFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
      },
      telemetry: { otlp: { endpoint: 'http://otel.observability:4318' } },
    });
    for (const service of services) {
      expect(open.enters(service, prometheus, 9090)).toBe(true);
      expect(open.enters(service, stranger, 9090)).toBe(false);
      expect(open.leaves(service, collector, 4318)).toBe(true);
      expect(open.leaves(service, collector, 4317)).toBe(false);
    }
  });

  it('an external NATS is reached at its port, and where it is named nowhere else', async () => {
    const values = { nats: { bundled: { enabled: false }, external: { url: 'tls://nats.example.com:14222' } } };
    const anywhere = await Traffic.of(values);
    const natsTo = [{ ipBlock: { cidr: '198.51.100.0/24' } }];
    const there = await Traffic.of({ ...values, networkPolicy: { natsTo } });
    for (const [ip, isThere] of [
      ['198.51.100.7', true],
      ['203.0.113.7', false],
    ] as const) {
      expect(anywhere.leaves('encoder', { ip }, 14_222)).toBe(true);
      expect(anywhere.leaves('encoder', { ip }, 443)).toBe(false);
      expect(there.leaves('encoder', { ip }, 14_222)).toBe(isThere);
    }
  });
});
