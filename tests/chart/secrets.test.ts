import { createOpener, createSealer } from '@gatecast/shared/secrets';
import { describe, expect, it } from 'vitest';
import { differences, helms, install, serve, tools } from './scenarios.ts';
import type { Values } from './src/helm.ts';
import { contentOf, idOf, keysOf, Release } from './src/release.ts';

const secretOf = (release: Release, component: string): Record<string, string> => {
  const secret = release.find('Secret', `gatecast-${component}`);
  if (secret === undefined) throw new Error(`there is no Secret of ${component}`);
  return Object.fromEntries(keysOf(secret).map((key) => [key, contentOf(secret, key) ?? '']));
};

interface KeySet {
  readonly keys: readonly { readonly kid: string; readonly d?: string }[];
}

const sealingKeys = (release: Release) => {
  const { 'private.json': privateJwks = '', 'public.json': publicJwks = '' } = secretOf(release, 'sealing');
  const kids = (jwks: string) => (JSON.parse(jwks) as KeySet).keys.map(({ kid }) => kid);
  return { privateJwks, publicJwks, privateKids: kids(privateJwks), publicKids: kids(publicJwks) };
};

describe.skipIf(tools.helm === null).each(helms)('secrets, with %s', (_name, helm) => {
  it('are made once and outlive the release', async () => {
    const { release } = await install({}, helm);
    const secrets = release.ofKind('Secret');
    expect(secrets.map(idOf).toSorted()).toEqual([
      'Secret/gatecast-api-key',
      'Secret/gatecast-nats-users',
      'Secret/gatecast-sealing',
      'Secret/gatecast-sealing-key-1',
    ]);
    for (const { metadata } of secrets)
      expect(metadata.annotations).toMatchObject({ 'helm.sh/resource-policy': 'keep' });
  });

  it('stay what they are at an upgrade, and with them the pods', async () => {
    const { release, server } = await install({}, helm);
    const upgraded = Release.parse(await helm.template({ server, isUpgrade: true }));
    expect(differences(release, upgraded)).toEqual([]);
  });

  it('are found again by a new install in the same namespace', async () => {
    const { release, server } = await install({}, helm);
    const reinstalled = Release.parse(await helm.template({ server }));
    expect(differences(release, reinstalled)).toEqual([]);
  });

  it('differ from one install to the next', async () => {
    const [one, other] = [await install({}, helm), await install({}, helm)];
    for (const secret of one.release.ofKind('Secret')) {
      const twin = other.release.find('Secret', secret.metadata.name);
      for (const key of keysOf(secret)) expect(contentOf(secret, key)).not.toBe(twin && contentOf(twin, key));
    }
  });

  it('hold sealing keys that the services can use', async () => {
    const { privateJwks, publicJwks } = sealingKeys((await install({}, helm)).release);
    expect((JSON.parse(publicJwks) as KeySet).keys.filter(({ d }) => d !== undefined)).toEqual([]);
    const sealed = await (await createSealer(publicJwks)).seal('394260700001', 'password', 'open sesame');
    expect(await (await createOpener(privateJwks)).open('394260700001', 'password', sealed)).toBe('open sesame');
  });

  it('are nowhere but in Secrets', async () => {
    const { release } = await install({}, helm);
    const values = release
      .ofKind('Secret')
      .flatMap((secret) => keysOf(secret).map((key) => contentOf(secret, key) ?? ''));
    const others = JSON.stringify(release.manifests.filter(({ kind }) => kind !== 'Secret'));
    expect(values.filter((value) => value.length < 16 || others.includes(value))).toEqual([]);
  });

  const rotate = async (values: Values) => {
    const { release, server } = await install({}, helm);
    return { before: release, after: Release.parse(await helm.template({ server, values, isUpgrade: true })) };
  };

  it('rotates the API key alone, and starts anew what reads it', async () => {
    const { before, after } = await rotate({ secrets: { apiKey: { generation: 2 } } });
    expect(secretOf(after, 'api-key')).not.toEqual(secretOf(before, 'api-key'));
    expect(secretOf(after, 'nats-users')).toEqual(secretOf(before, 'nats-users'));
    expect(secretOf(after, 'sealing')).toEqual(secretOf(before, 'sealing'));
    expect(differences(before, after)).toContain('Deployment/gatecast-config-api');
  });

  it('rotates the passwords of NATS, and starts NATS anew', async () => {
    const { before, after } = await rotate({ secrets: { natsUsers: { generation: 2 } } });
    const [old, young] = [secretOf(before, 'nats-users'), secretOf(after, 'nats-users')];
    expect(Object.keys(young)).toEqual(Object.keys(old));
    expect(Object.keys(old).filter((user) => old[user] === young[user])).toEqual([]);
    expect(differences(before, after)).toContain('StatefulSet/gatecast-nats');
  });

  const sealing = (generations: number, active: number, oldest = 1) => ({
    secrets: { sealing: { generations, active, oldest } },
  });

  it('rotates the sealing key in three steps: it is there before it is used, and the old one until it is not', async () => {
    const first = await install({}, helm);
    const added = await install({ server: first.server, values: sealing(2, 1) }, helm);
    const switched = await install({ server: added.server, values: sealing(2, 2) }, helm);
    const ended = await install({ server: switched.server, values: sealing(2, 2, 2) }, helm);
    const [one, two, three, four] = [first, added, switched, ended].map(({ release }) => sealingKeys(release));
    const [oldKid, newKid] = two!.privateKids;
    expect(one).toMatchObject({ privateKids: [oldKid], publicKids: [oldKid] });
    expect(two).toMatchObject({ privateKids: [oldKid, newKid], publicKids: [oldKid, newKid] });
    expect(three).toMatchObject({ privateKids: [oldKid, newKid], publicKids: [newKid, oldKid] });
    expect(four).toMatchObject({ privateKids: [newKid], publicKids: [newKid] });

    const sealed = await (await createSealer(one!.publicJwks)).seal('394260700001', 'password', 'old');
    expect(await (await createOpener(three!.privateJwks)).open('394260700001', 'password', sealed)).toBe('old');
  });

  it('keeps a sealing key through a rollback to before it was made', async () => {
    const first = await install({}, helm);
    const added = await install({ server: first.server, values: sealing(2, 2) }, helm);
    // What is rolled back is as it was; what is kept stays.
    const kept = added.release.manifests.filter(({ metadata }) => metadata.name.includes('sealing-key'));
    const rolledBack = await serve([...first.release.manifests, ...kept]);
    const again = Release.parse(await helm.template({ server: rolledBack, values: sealing(2, 2) }));
    expect(sealingKeys(again)).toEqual(sealingKeys(added.release));
  });

  it('makes none that somebody else has made', async () => {
    const secrets = {
      apiKey: { existingSecret: 'own-key' },
      natsUsers: { existingSecret: 'own-users' },
      sealing: { existingSecret: 'own-sealing' },
    };
    const release = Release.parse(await helm.template({ values: { secrets } }));
    expect(release.ofKind('Secret')).toEqual([]);
  });
});
