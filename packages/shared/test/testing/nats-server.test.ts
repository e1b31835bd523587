import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { NatsServer, type NatsServerOptions } from '../../src/testing/nats-server.ts';
import { TempDir } from '../../src/testing/temp-dir.ts';

async function start(options: NatsServerOptions = {}): Promise<NatsServer> {
  const server = await NatsServer.start(options);
  onTestFinished(() => server.stop());
  return server;
}

async function client(server: NatsServer): Promise<NatsConnection> {
  const connection = await connect({ servers: server.url, reconnect: false });
  onTestFinished(() => connection.close());
  return connection;
}

async function createStream(server: NatsServer): Promise<void> {
  const connection = await client(server);
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: 'TEST', subjects: ['test.>'] });
  for (let i = 0; i < 100; i++) await jetstream(connection).publish('test.a', `${i}`);
}

async function messageCount(server: NatsServer): Promise<number> {
  const manager = await jetstreamManager(await client(server));
  return (await manager.streams.info('TEST')).state.messages;
}

describe('NatsServer', () => {
  it('serves JetStream on a port that the server picked', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    expect(one.port).not.toBe(two.port);
    await createStream(one);
    expect(await messageCount(one)).toBe(100);
    expect(one.logLines.some((line) => line.includes('Server is ready'))).toBe(true);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('keeps port and data through a restart by %s', async (signal) => {
    const server = await start();
    const { port } = server;
    await createStream(server);
    await server.restart({ signal });
    expect(server.port).toBe(port);
    expect(await messageCount(server)).toBe(100);
  });

  it('comes back after it was killed', async () => {
    const server = await start();
    await createStream(server);
    await server.kill();
    await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow();
    await server.restart();
    expect(await messageCount(server)).toBe(100);
  });

  it('hangs while it is paused', async () => {
    const server = await start();
    const connection = await client(server);
    await server.pause();
    let isAnswered = false;
    const answer = connection.flush().then(() => {
      isAnswered = true;
    });
    await expect(connect({ servers: server.url, reconnect: false, timeout: 100 })).rejects.toThrow();
    expect(isAnswered).toBe(false);
    server.resume();
    await answer;
  });

  it('takes further configuration, and how often what is stored is written to the disk', async () => {
    const server = await start({ syncInterval: 'always', config: 'max_payload: 1024' });
    const { info } = await client(server);
    expect(info?.max_payload).toBe(1024);
    await expect(start({ syncInterval: 'sometimes' })).rejects.toThrow(/sync_interval/);
  });

  it('says what the server said when it does not start', async () => {
    await expect(NatsServer.start({ config: 'no_such_setting: 1' })).rejects.toThrow(/unknown field "no_such_setting"/);
  });

  it('says which port is taken, also when it is that of the cluster', async () => {
    const first = await start();
    const config = `cluster: { name: test, listen: "${first.host}:${first.port}" }`;
    await expect(start({ config })).rejects.toMatchObject({
      code: 'PROCESS_EXITED',
      message: /address already in use/,
    });
  });

  it('refuses a server that is too old or not there', async () => {
    await using dir = await TempDir.create('old-nats');
    const binary = join(dir.path, 'nats-server');
    await expect(NatsServer.start({ binary })).rejects.toMatchObject({ code: 'BINARY_NOT_FOUND' });
    await writeFile(binary, '#!/bin/sh\necho "nats-server: v2.11.9"\n');
    await chmod(binary, 0o755);
    await expect(NatsServer.start({ binary })).rejects.toMatchObject({ code: 'SERVER_TOO_OLD', message: /v2\.11\.9/ });
  });

  it('stops in time, also when it hangs, and leaves nothing behind', async () => {
    const server = await NatsServer.start();
    await server.pause();
    const start = performance.now();
    await server.stop();
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(existsSync(server.storeDir)).toBe(false);
    await server.stop();
  });
});
