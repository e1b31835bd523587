import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { NatsCluster } from '../../src/testing/nats-cluster.ts';

it('keeps a replicated stream through the loss of its leader', { timeout: 60_000 }, async () => {
  await using cluster = await NatsCluster.start();
  const connection = await connect({
    servers: cluster.url.split(','),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
  });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: 'TEST', subjects: ['test.>'], num_replicas: 3 });
  await jetstream(connection).publish('test.a', 'before');

  const leader = await cluster.leaderOf('TEST');
  await leader.kill('SIGKILL');
  const next = await cluster.leaderOf('TEST');
  expect(next).not.toBe(leader);
  expect(cluster.servers).toContain(next);
  await leader.restart();
  await cluster.ready();
  await connection.close();

  const again = await connect({ servers: next.url });
  expect((await (await jetstreamManager(again)).streams.info('TEST')).state.messages).toBe(1);
  await again.close();
});
