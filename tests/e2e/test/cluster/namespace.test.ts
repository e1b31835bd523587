import { beforeEach, expect, test } from 'vitest';
import { inventory } from '../../src/cluster/inventory.ts';
import { Namespace } from '../../src/cluster/namespace.ts';
import { FakeKubeApi } from './fake-kube-api.ts';

const PATH = '/api/v1/namespaces/tested';

let api: FakeKubeApi;
let namespace: Namespace;

beforeEach(() => {
  api = new FakeKubeApi();
  namespace = new Namespace('tested', api);
});

test('a namespace of somebody else is left alone', async () => {
  api.resources.set(PATH, { metadata: { name: 'tested', labels: { team: 'others' } } });
  await expect(namespace.create()).rejects.toThrow('is not of these tests');
  await expect(namespace.delete()).rejects.toThrow('is not of these tests');
  expect(api.changes()).toEqual([]);
});

test('one of an earlier run is replaced, by one that admits restricted pods alone', async () => {
  api.resources.set(PATH, { metadata: { name: 'tested', labels: { 'gatecast-e2e': 'true' } } });
  await namespace.create();
  expect(api.changes()).toEqual([`DELETE ${PATH}`, 'POST /api/v1/namespaces']);
  expect(api.requests.at(-1)?.body).toMatchObject({
    metadata: { labels: { 'gatecast-e2e': 'true', 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
});

test('pods are found by their labels, and those that are ready come in the order of their names', async () => {
  const pod = (name: string, ready: boolean) => ({
    metadata: { name },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });
  api.resources.set(`${PATH}/pods?labelSelector=a%3Db%2Cc%3Dd`, {
    items: [pod('second', true), pod('starting', false), pod('first', true)],
  });
  const ready = await namespace.readyPods({ a: 'b', c: 'd' });
  expect(ready.map(({ metadata }) => metadata.name)).toEqual(['first', 'second']);
});

test('everything in a namespace is listed, whoever answers for it, but for what passes', async () => {
  const list = (...names: string[]) => ({ items: names.map((name) => ({ metadata: { name } })) });
  const kind = (name: string, of: string, namespaced = true) => ({ name, kind: of, namespaced, verbs: ['list'] });
  api.resources.set('/apis', {
    groups: [
      { preferredVersion: { groupVersion: 'apps/v1' } },
      { preferredVersion: { groupVersion: 'metrics.k8s.io/v1beta1' } }, // nobody answers for it
    ],
  });
  api.resources.set('/api/v1', {
    resources: [
      kind('secrets', 'Secret'),
      kind('events', 'Event'),
      kind('configmaps', 'ConfigMap'),
      kind('persistentvolumes', 'PersistentVolume', false),
    ],
  });
  api.resources.set('/apis/apps/v1', { resources: [kind('deployments', 'Deployment')] });
  api.resources.set(`${PATH}/secrets`, list('key'));
  api.resources.set(`${PATH}/events`, list('passing'));
  api.resources.set(`${PATH}/configmaps`, list('kube-root-ca.crt', 'settings'));
  api.resources.set('/api/v1/persistentvolumes?labelSelector=a%3Db', list('ours'));
  api.resources.set('/apis/apps/v1/namespaces/tested/deployments', list('encoder'));
  expect(await inventory(api, 'tested', 'a=b')).toEqual([
    'ConfigMap/settings',
    'Deployment/encoder',
    'PersistentVolume/ours',
    'Secret/key',
  ]);
});
