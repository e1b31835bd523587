import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../src/lifecycle/index.ts';
import { createLogger } from '../../src/logging/index.ts';
import { connectNats, ensureBuckets, KvStore, KvView, type Nats } from '../../src/nats/index.ts';
import { InMemoryKv } from '../../src/testing/in-memory-kv.ts';
import { NatsServer } from '../../src/testing/nats-server.ts';
import { describeKeyValueStore } from './kv-conformance.ts';

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
let server: NatsServer;
let nats: Nats;

beforeAll(async () => {
  server = await NatsServer.start();
  nats = await connectNats({ natsUrl: server.url, name: 'kv-conformance' }, log);
});

afterAll(async () => {
  await nats.close();
  await server.stop();
});

describeKeyValueStore('KvStore and KvView on a NATS server', async () => {
  await ensureBuckets(nats, { replicas: 1, leaseTtlMs: 12_000 });
  const view = await KvView.open<{ text: string }>(nats, 'workspaces', log, systemClock);
  return {
    store: await KvStore.open(nats, 'workspaces'),
    view,
    async dispose() {
      view.stop();
      await nats.jsm.streams.purge('KV_workspaces');
    },
  };
});

describeKeyValueStore('InMemoryKv', async () => {
  const store = new InMemoryKv<{ text: string }>();
  return { store, view: store.view, dispose: async () => {} };
});
