import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { TestCertificateAuthority } from '@gatecast/shared/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { helm, tools } from './scenarios.ts';
import { environmentOf } from './src/environment.ts';
import type { Values } from './src/helm.ts';
import type { Container } from './src/kubernetes.ts';
import { contentOf, type Pod, Release } from './src/release.ts';
import { run } from './src/run.ts';

const server = process.env.NATS_SERVER_BIN;
const tlsSecret = 'Secret/nats-tls';

describe.skipIf(tools.helm === null || server === undefined)('the configuration of the bundled NATS', () => {
  it.each<[what: string, bundled: Values]>([
    ['one server', {}],
    ['three servers', { replicas: 3 }],
    ['three servers with TLS', { replicas: 3, tls: { enabled: true, existingSecret: 'nats-tls' } }],
    ['a sync every two minutes', { jetstream: { syncInterval: '2m', maxFileStore: '9Gi' } }],
  ])('is accepted by the server itself: %s', async (_what, bundled) => {
    const release = Release.parse(await helm.template({ values: { nats: { bundled } } }), [tlsSecret]);
    const { pod, container } = natsOf(release);
    const folder = await filesOf(release, container);
    const { code, stdout, stderr } = await run(server ?? '', ['-t', '-c', join(folder, 'etc/nats/nats.conf')], {
      env: environmentOf(release, pod, container),
    });
    expect({ code, output: stdout + stderr }).toMatchObject({ code: 0 });
  });

  it('gives a server that leaves its cluster the time that it takes', async () => {
    const release = Release.parse(await helm.template({ values: { nats: { bundled: { replicas: 3 } } } }));
    const config = release.find('ConfigMap', 'gatecast-nats')?.data?.['nats.conf'] ?? '';
    const seconds = (name: string) => Number(new RegExp(`^${name}: "(\\d+)s"$`, 'm').exec(config)?.[1]);
    const leaving = seconds('lame_duck_grace_period') + seconds('lame_duck_duration');
    expect(natsOf(release).pod.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(leaving);
  });

  it('has a password for every user, and passes no other', async () => {
    const release = Release.parse(await helm.template({ values: { nats: { bundled: { replicas: 3 } } } }));
    const { container } = natsOf(release);
    const map = release.find('ConfigMap', 'gatecast-nats');
    const text = Object.keys(map?.data ?? {}).map((key) => (map && contentOf(map, key)) ?? '');
    const used = new Set([...text.join('\n').matchAll(/^(?!\s*#).*\$(GATECAST_\w+)/gm)].map(([, name]) => name));
    const given = (container.env ?? []).map(({ name }) => name).filter((name) => name.startsWith('GATECAST_'));
    expect(given.toSorted()).toEqual([...used].sort());
  });
});

function natsOf(release: Release): { pod: Pod; container: Container } {
  const pod = release.pods.find(({ owner }) => owner.kind === 'StatefulSet');
  const container = pod?.spec.containers.find(({ name }) => name === 'nats');
  if (pod === undefined || container === undefined) throw new Error('the release has no NATS');
  return { pod, container };
}

/** A folder with the files of the ConfigMap as the container has them, absolute paths in them leading there too. */
async function filesOf(release: Release, container: Container): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'gatecast-nats-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const map = release.find('ConfigMap', 'gatecast-nats');
  if (map === undefined) throw new Error('there is no ConfigMap of NATS');
  for (const key of Object.keys(map.data ?? {})) {
    write(`etc/nats/${key}`, (contentOf(map, key) ?? '').replaceAll('"/etc/nats-tls/', `"${folder}/etc/nats-tls/`));
  }
  if (container.volumeMounts?.some(({ mountPath }) => mountPath === '/etc/nats-tls')) {
    const authority = await TestCertificateAuthority.create();
    const { certificate, key } = await authority.issueServer();
    write('etc/nats-tls/tls.crt', certificate);
    write('etc/nats-tls/tls.key', key);
    write('etc/nats-tls/ca.crt', authority.certificate);
  }
  return folder;
}
