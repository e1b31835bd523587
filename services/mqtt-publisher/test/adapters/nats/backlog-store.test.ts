import { isGatecastError } from '@gatecast/shared/errors';
import { createLogger } from '@gatecast/shared/logging';
import {
  backlogStreamOf,
  connectNats,
  DEADLETTER_STREAM,
  DEFAULT_STORAGE_LIMITS,
  ensureCommonStreams,
  ensureFleetStreams,
  lastMessageOf,
  type Nats,
  subjects,
} from '@gatecast/shared/nats';
import { NatsServer, TcpProxy } from '@gatecast/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NatsBacklogStore } from '../../../src/adapters/nats/nats-backlog-store.ts';
import { UnreadableBatches } from '../../../src/adapters/nats/unreadable-batches.ts';
import { batchOf, upTo } from '../../support/batches.ts';
import { FakeBacklogStore } from '../../support/fake-backlog-store.ts';
import { describeBacklogStore } from './backlog-store-conformance.ts';

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
const FLEET = 'default';
const STREAM = backlogStreamOf(FLEET);
let server: NatsServer;
let nats: Nats;
const unreadable = (connection: Nats) => new UnreadableBatches(connection, FLEET, log, () => {});

beforeAll(async () => {
  server = await NatsServer.start();
  nats = await connectNats({ natsUrl: server.url, name: 'backlog' }, log);
  await ensureCommonStreams(nats, DEFAULT_STORAGE_LIMITS);
  await ensureFleetStreams(nats, FLEET, DEFAULT_STORAGE_LIMITS);
});

afterAll(async () => {
  await nats.close();
  await server.stop();
});

describeBacklogStore('NatsBacklogStore', async () => ({
  store: new NatsBacklogStore(nats, FLEET, unreadable(nats), log),
  async evict(gatewayId, count) {
    const filter = subjects.backlog(FLEET, gatewayId);
    const stream = await nats.js.streams.get(STREAM);
    for (let taken = 0; taken < count; taken += 1) {
      const first = await stream.getMessage({ seq: 1, next_by_subj: filter } as never);
      await nats.jsm.streams.deleteMessage(STREAM, first!.seq, false);
    }
  },
  async dispose() {
    await nats.jsm.streams.purge(STREAM);
  },
}));

describeBacklogStore('FakeBacklogStore', async () => {
  const store = new FakeBacklogStore();
  return {
    store,
    evict: async (gatewayId, count) => store.evict(gatewayId, count),
    dispose: async () => {},
  };
});

test('a batch that cannot be read is set aside, and what is behind it is read', async () => {
  const gatewayId = 'unreadable';
  const store = new NatsBacklogStore(nats, FLEET, unreadable(nats), log);
  const first = await store.append(batchOf(1, 1, { gatewayId }), 0);
  const { seq } = await nats.js.publish(subjects.backlog(FLEET, gatewayId), 'no headers');
  const last = await store.append(batchOf(3, 3, { gatewayId }), seq);
  const counters: number[] = [];
  for await (const batch of store.read(gatewayId, first, last)) counters.push(batch.first);
  expect(counters).toEqual([1, 3]);
  const letter = await lastMessageOf(nats, DEADLETTER_STREAM, subjects.deadletter(FLEET, gatewayId));
  expect(letter?.headers?.get('Gatecast-Reason')).toBe('PAYLOAD_MALFORMED');
  expect(Buffer.from(letter?.data ?? []).toString()).toBe('no headers');
});

test('a room whose end cannot be read ends before it, and goes on behind it', async () => {
  const gatewayId = 'unreadable-end';
  const store = new NatsBacklogStore(nats, FLEET, unreadable(nats), log);
  const first = await store.append(batchOf(1, 2, { gatewayId }), 0);
  const { seq } = await nats.js.publish(subjects.backlog(FLEET, gatewayId), 'no headers');
  expect(await store.tail(gatewayId)).toMatchObject({ sequence: seq, last: 2 });
  const letter = await lastMessageOf(nats, DEADLETTER_STREAM, subjects.deadletter(FLEET, gatewayId));
  expect(letter?.headers?.get('Gatecast-Reason')).toBe('PAYLOAD_MALFORMED');
  const last = await store.append(batchOf(3, 3, { gatewayId }), seq);
  expect(await store.tail(gatewayId)).toMatchObject({ sequence: last, last: 3 });
  const counters: number[] = [];
  for await (const batch of store.read(gatewayId, first, last)) counters.push(batch.first);
  expect(counters).toEqual([1, 3]);
});

test('a room with nothing that can be read ends before its first message', async () => {
  const gatewayId = 'unreadable-all';
  const store = new NatsBacklogStore(nats, FLEET, unreadable(nats), log);
  const { seq } = await nats.js.publish(subjects.backlog(FLEET, gatewayId), 'no headers');
  expect(await store.tail(gatewayId)).toMatchObject({ sequence: seq, last: 0 });
});

test('a batch that comes after its room, and then the stream, were emptied is there', async () => {
  const store = new NatsBacklogStore(nats, FLEET, unreadable(nats), log);
  const again = (counter: number, expectLast: number) =>
    store.append(batchOf(counter, counter, { gatewayId: 'again' }), expectLast);
  const second = await again(2, await again(1, 0));
  const newest = await store.append(batchOf(1, 1, { gatewayId: 'newest' }), 0);
  expect(await store.forget('newest', newest)).toBe(false);
  await nats.jsm.streams.purge(STREAM, { seq: newest });
  const third = await again(3, 0);
  await nats.jsm.streams.purge(STREAM, { seq: third });
  expect(third).toBeGreaterThan(second);
  expect(await store.tail('again')).toMatchObject({ sequence: third, last: 3 });
});

describe('a read does not end as if the rest had been evicted', () => {
  /**
   * Reads 200 batches; something happens after the tenth. Whatever it is: an error, or all of them, and none of them
   * behind a gap.
   */
  async function readThrough(
    gatewayId: string,
    happening: () => Promise<void>,
    connection = nats,
  ): Promise<number | 'failed'> {
    const store = new NatsBacklogStore(connection, FLEET, unreadable(connection), log);
    let last = 0;
    for (const counter of upTo(200)) last = await store.append(batchOf(counter, counter, { gatewayId }), last);
    let count = 0;
    try {
      for await (const batch of store.read(gatewayId, 0, last)) {
        count += 1;
        expect(batch.first).toBe(count);
        if (count === 10) await happening();
      }
    } catch (error) {
      if (!isGatecastError(error)) throw error;
      return 'failed';
    }
    return count;
  }

  test('when the server restarts', async () => {
    const outcome = await readThrough('restarted', () => server.restart({ signal: 'SIGKILL' }));
    expect([200, 'failed']).toContain(outcome);
  });

  test('when the connection is cut while messages are on their way', async () => {
    await using proxy = await TcpProxy.start({ target: { port: server.port } });
    const cut = await connectNats({ natsUrl: `nats://127.0.0.1:${proxy.port}`, name: 'cut' }, log);
    proxy.throttle(50_000);
    const outcome = await readThrough('cut', async () => proxy.resetAll(), cut);
    expect([200, 'failed']).toContain(outcome);
    await proxy.restore();
    await cut.close();
  });

  test('when the server hangs for a while', async () => {
    const outcome = await readThrough('hanging', async () => {
      await server.pause();
      setTimeout(() => server.resume(), 2_000);
    });
    expect([200, 'failed']).toContain(outcome);
  });

  test('when the replica that reads has not caught up', async () => {
    const info = async () => ({ delivered: { consumer_seq: 0 }, num_pending: 0 });
    const consumer = { fetch: async () => [], info, delete: async () => true };
    const js = { consumers: { getConsumerFromInfo: () => consumer } } as unknown as Nats['js'];
    expect(await readThrough('behind', async () => {}, { ...nats, js })).toBe('failed');
  });
});
