import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { GatecastError } from '../../src/errors/index.ts';
import { createLogger } from '../../src/logging/index.ts';
import { connectNats, type Nats, type NatsOptions } from '../../src/nats/index.ts';
import {
  NatsServer,
  type NatsServerOptions,
  TcpProxy,
  TempDir,
  TestCertificateAuthority,
  waitFor,
} from '../../src/testing/index.ts';

interface Logged {
  message: string;
  err?: { code: string; message: string };
}

let lines: Logged[] = [];
const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Logged) };
const log = createLogger({ service: 'test', instance: 'test', level: 'info' }, destination);

async function startServer(options: NatsServerOptions = { users: 'shipped' }): Promise<NatsServer> {
  lines = [];
  const server = await NatsServer.start(options);
  onTestFinished(() => server.stop());
  return server;
}

/** As a service does; what NATS refuses goes to `refused`. */
async function connect(options: Omit<NatsOptions, 'name'>, refused: GatecastError[] = []): Promise<Nats> {
  const onRefused = (error: GatecastError) => void refused.push(error);
  const nats = await connectNats({ ...options, name: 'test', onRefused }, log);
  onTestFinished(() => nats.connection.close());
  return nats;
}

const works = async (nats: Nats) => {
  await nats.connection.flush();
  return nats.isConnected();
};

describe('a password', () => {
  test('that is not the right one is said to be, until it is', async () => {
    const server = await startServer();
    const { natsPasswordFile = '' } = server.access('encoder');
    await writeFile(natsPasswordFile, 'wrong');
    const refused: GatecastError[] = [];
    const connecting = connect(server.access('encoder'), refused);
    await waitFor(() => refused.length > 1);
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['NATS_AUTH_FAILED']));
    expect(lines).toMatchObject([
      { message: 'no connection to NATS, trying again', err: { code: 'NATS_AUTH_FAILED' } },
    ]);
    const right = server.users?.serverEnv.GATECAST_NATS_PASSWORD_ENCODER ?? '';
    await writeFile(natsPasswordFile, right);
    expect(await works(await connecting)).toBe(true);
    expect(JSON.stringify(lines)).not.toContain(right);
  });

  test('is rotated while clients are connected: they take the new one when the server does', async () => {
    const server = await startServer();
    const nats = await connect(server.access('encoder'));
    await server.users?.rotate('encoder');
    await server.restart();
    await waitFor(() => works(nats));
    expect(lines.some(({ message }) => message === 'the NATS password has changed')).toBe(true);
  });

  test('that the server does not know yet keeps nobody out', async () => {
    const server = await startServer();
    const proxy = await TcpProxy.start({ target: { port: server.port } });
    onTestFinished(() => proxy.stop());
    const refused: GatecastError[] = [];
    const access = { ...server.access('encoder'), natsUrl: `nats://127.0.0.1:${proxy.port}` };
    const nats = await connect(access, refused);
    await server.users?.rotate('encoder');
    proxy.resetAll();
    await waitFor(() => refused.length === 1 && works(nats));
    expect(lines.filter(({ err }) => err?.code === 'NATS_AUTH_FAILED')).toHaveLength(1);
    await server.restart();
    await waitFor(() => works(nats));
  });
});

test('a server that was not there at first is not forgotten', async () => {
  const [one, other] = [await startServer({}), await startServer({})];
  const natsUrl = `${one.url}, ${other.url}`;
  await one.kill();
  const connections = await Promise.all(Array.from({ length: 8 }, () => connect({ natsUrl })));
  await one.restart();
  await other.kill();
  for (const nats of connections) await waitFor(() => works(nats));
});

describe('inboxes', () => {
  test('begin with the user, and are nobody else’s', async () => {
    const server = await startServer();
    const nats = await connect(server.access('encoder'));
    expect(nats.inboxPrefix).toBe('_INBOX.encoder');
    const refused: GatecastError[] = [];
    const ingest = await connect(server.access('sensor-ingest'), refused);
    ingest.connection.subscribe('_INBOX.encoder.>', { callback: () => {} });
    await waitFor(() => refused.length === 1);
    expect(refused[0]).toMatchObject({
      code: 'NATS_PERMISSION',
      message: expect.stringContaining('_INBOX.encoder.>'),
    });
  });
});

describe('TLS', () => {
  let ours: TestCertificateAuthority;
  let other: TestCertificateAuthority;

  beforeAll(async () => {
    [ours, other] = await Promise.all([TestCertificateAuthority.create(), TestCertificateAuthority.create()]);
  });

  async function startTls() {
    const dir = await TempDir.create('tls');
    onTestFinished(() => dir.remove());
    const file = async (name: string, content: string) => {
      await writeFile(join(dir.path, name), content);
      return join(dir.path, name);
    };
    const server = await startServer({ users: 'shipped', tls: await ours.issueServer() });
    const access = { ...server.access('encoder'), natsUrl: `tls://localhost:${server.port}` };
    return { server, access, file };
  }

  test('to a server of a CA of one’s own, through its restarts', async () => {
    const { server, access, file } = await startTls();
    const nats = await connect({ ...access, natsCaFile: await file('ca.pem', ours.certificate) });
    expect(nats.connection.info?.tls_required).toBe(true);
    await server.restart();
    await waitFor(() => works(nats));
  });

  test.each(['tls://localhost', 'nats://localhost'])('is not done without, where it is asked for: %s', async (host) => {
    const server = await startServer();
    const { file } = await startTls();
    const ca = host.startsWith('tls') ? {} : { natsCaFile: await file('ca.pem', ours.certificate) };
    const abort = new AbortController();
    const options = { ...server.access('encoder'), natsUrl: `${host}:${server.port}`, ...ca, name: 'test' };
    const connecting = connectNats(options, log, abort.signal);
    await waitFor(() => lines.length > 0);
    abort.abort();
    await expect(connecting).rejects.toMatchObject({
      code: 'NATS_UNAVAILABLE',
      message: expect.stringContaining('tls'),
    });
  });

  test('to one of another CA there is no connection, and the log says why; the file may be mended', async () => {
    const { access, file } = await startTls();
    const natsCaFile = await file('ca.pem', other.certificate);
    const connecting = connect({ ...access, natsCaFile });
    await waitFor(() => lines.length > 0);
    expect(lines[0]).toMatchObject({
      err: { code: 'NATS_UNAVAILABLE', message: expect.stringMatching(/certificate/) },
    });
    await file('ca.pem', ours.certificate);
    expect(await works(await connecting)).toBe(true);
  });
});
