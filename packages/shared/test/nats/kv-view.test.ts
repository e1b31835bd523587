import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/lifecycle/index.ts';
import { createLogger } from '../../src/logging/index.ts';
import {
  type Bucket,
  connectNats,
  ensureBuckets,
  type KvChange,
  KvStore,
  KvView,
  type KvViewOptions,
  type Nats,
} from '../../src/nats/index.ts';
import { NatsServer } from '../../src/testing/nats-server.ts';
import { TcpProxy } from '../../src/testing/tcp-proxy.ts';
import { waitFor } from '../../src/testing/wait-for.ts';

interface Sample {
  text: string;
}

/** A server of its own, since these tests restart it. Views have a connection of their own, which can be cut. */
async function setUp(bucket: Bucket = 'sensors') {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = createLogger({ service: 'test', instance: 'test', level: 'warn' }, { write });
  const server = await NatsServer.start();
  onTestFinished(() => server.stop());
  const nats = await connectNats({ natsUrl: server.url, name: 'store' }, log);
  onTestFinished(() => nats.close());
  await ensureBuckets(nats, { replicas: 1, leaseTtlMs: 1_000 });
  const proxy = await TcpProxy.start({ target: { port: server.port } });
  onTestFinished(() => proxy.stop());
  const viewNats = await connectNats({ natsUrl: `nats://127.0.0.1:${proxy.port}`, name: 'view' }, log);
  onTestFinished(() => viewNats.close());
  const openView = async (options?: KvViewOptions) => {
    const view = await KvView.open<Sample>(viewNats, bucket, log, systemClock, options);
    onTestFinished(() => view.stop());
    return view;
  };
  const cut = async () => {
    await proxy.refuse();
    proxy.resetAll();
  };
  return { server, nats, store: await KvStore.open<Sample>(nats, bucket), openView, proxy, cut, lines };
}

const keysOf = (view: KvView<Sample>) => [...view.entries()].map(([key]) => key).sort();

test('has what the bucket holds as soon as it is open', async () => {
  const { store, openView } = await setUp();
  expect(keysOf(await openView())).toEqual([]);
  for (const key of ['a', 'b', 'c']) await store.create(key, { text: key });
  await store.delete('b');
  const revision = await store.create('b.c', { text: 'dots' });
  const view = await openView();
  expect(keysOf(view)).toEqual(['a', 'b.c', 'c']);
  expect(view.get('b.c')).toEqual({ value: { text: 'dots' }, revision });
});

test('what is written while a view lists the bucket is in the view', async () => {
  const { store, openView } = await setUp();
  for (let n = 0; n < 20; n += 1) await store.create(`before-${n}`, { text: 'before' });
  const writing = (async () => {
    for (let n = 0; n < 300; n += 1) await store.create(`meanwhile-${n}`, { text: 'meanwhile' });
  })();
  const views = [];
  for (let n = 0; n < 40; n += 1) views.push(await openView());
  await writing;
  for (const view of views) {
    await waitFor(() => keysOf(view).length === 320, { describe: () => `320 keys, not ${keysOf(view).length}` });
  }
});

test('after a reconnect it knows what happened meanwhile, deletions too, and says each change once', async () => {
  const { store, openView, proxy, cut } = await setUp();
  for (const key of ['kept', 'changed', 'deleted']) await store.create(key, { text: key });
  const view = await openView();
  const changes: KvChange<Sample>[] = [];
  view.onChange((change) => changes.push(change));
  const changed = view.get('changed');
  const deleted = view.get('deleted');
  await cut();
  await store.update('changed', { text: 'anew' }, changed!.revision);
  await store.delete('deleted');
  await store.create('new', { text: 'new' });
  await proxy.restore();
  await waitFor(() => changes.length === 3);
  expect(changes).toContainEqual({ key: 'changed', current: view.get('changed'), previous: changed });
  expect(changes).toContainEqual({ key: 'deleted', current: undefined, previous: deleted, gone: 'deleted' });
  expect(changes).toContainEqual({ key: 'new', current: view.get('new'), previous: undefined });
  expect(view.get('changed')?.value.text).toBe('anew');
  const later = await store.create('later', { text: 'later' });
  await waitFor(() => view.get('later')?.revision === later);
  expect(changes).toHaveLength(4);
});

test('opening resolves with everything even if the connection is cut meanwhile', async () => {
  const { store, openView, proxy } = await setUp();
  for (let n = 0; n < 200; n += 1) await store.create(`key-${n}`, { text: 'x'.repeat(500) });
  proxy.throttle(100_000);
  const opening = openView();
  const began = proxy.bytesToClient;
  await waitFor(() => proxy.bytesToClient > began + 10_000);
  proxy.resetAll();
  await proxy.restore();
  expect(keysOf(await opening)).toHaveLength(200);
});

test('goes on after a restart of the server', async () => {
  const { server, store, openView } = await setUp();
  const first = await store.create('a', { text: 'one' });
  const view = await openView();
  const changes: (string | undefined)[] = [];
  view.onChange(({ current }) => changes.push(current?.value.text));
  await server.restart({ signal: 'SIGKILL' });
  const second = await waitFor(() => store.update('a', { text: 'two' }, first));
  await waitFor(() => view.get('a')?.revision === second);
  expect(changes).toEqual(['two']);
});

test('an expired key is gone from the view, without anybody deleting it', async () => {
  const { store, openView } = await setUp('leases');
  const revision = await store.create('lease', { text: 'mine' });
  const view = await openView();
  const changes: KvChange<Sample>[] = [];
  view.onChange((change) => changes.push(change));
  await waitFor(() => view.get('lease') === undefined);
  const previous = { value: { text: 'mine' }, revision };
  expect(changes).toEqual([{ key: 'lease', current: undefined, previous, gone: 'expired' }]);
  expect(await store.get('lease')).toBeUndefined();
  expect(await store.create('lease', { text: 'again' })).toBeGreaterThan(revision);
  await waitFor(() => view.get('lease')?.value.text === 'again');
});

test('a listener that throws does not blind the view', async () => {
  const { store, openView } = await setUp();
  const view = await openView();
  const unsubscribe = view.onChange(() => {
    throw new Error('a listener’s bug');
  });
  await store.create('a', { text: 'one' });
  await waitFor(() => view.get('a'));
  unsubscribe();
  const revision = await store.create('b', { text: 'two' });
  await waitFor(() => view.get('b')?.revision === revision);
});

test('says nothing any more once stopped, also after a reconnect', async () => {
  const { store, openView, proxy, cut } = await setUp();
  const stopped = await openView();
  const other = await openView();
  stopped.onChange(() => expect.unreachable());
  stopped.stop();
  await store.create('a', { text: 'one' });
  await waitFor(() => other.get('a'));
  await cut();
  await proxy.restore();
  await store.create('b', { text: 'two' });
  await waitFor(() => other.get('b'));
  expect(keysOf(stopped)).toEqual([]);
});

/** Names of the watches that the server keeps. */
async function watches(nats: Nats): Promise<string[]> {
  const page = await nats.jsm.consumers.list('KV_sensors').next();
  return page.map(({ name }) => name);
}

test('leaves no watch on the server, however often it lists, and none once stopped', async () => {
  const { nats, openView } = await setUp();
  const view = await openView({ relistMs: 20 });
  const seen = new Set<string>();
  while (seen.size < 20) {
    const names = await watches(nats);
    for (const name of names) seen.add(name);
    // A new one begins before the former one ends, and that may take a moment.
    expect(names.length).toBeLessThan(10);
  }
  view.stop();
  await waitFor(async () => (await watches(nats)).length === 0);
});

test('leaves no watch on the server when it reconnects', async () => {
  const { nats, openView, proxy, cut } = await setUp();
  await openView();
  for (let n = 0; n < 3; n += 1) {
    const before = await watches(nats);
    await cut();
    await proxy.restore();
    await waitFor(async () => {
      const [name, ...others] = await watches(nats);
      return name !== undefined && !before.includes(name) && others.length === 0;
    });
  }
});

test('hears of changes while the server has no room for a new watch', async () => {
  const { nats, store, openView, lines } = await setUp();
  const { config } = await nats.jsm.streams.info('KV_sensors');
  await nats.jsm.streams.delete('KV_sensors');
  await nats.jsm.streams.add({ ...config, max_consumers: 1 });
  const view = await openView({ relistMs: 20 });
  await waitFor(() => lines.some((line) => line.includes('maximum consumers limit reached')));
  const revision = await store.create('a', { text: 'one' });
  await waitFor(() => view.get('a')?.revision === revision);
});
