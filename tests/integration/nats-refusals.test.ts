import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceProcess } from '@gatecast/local-stack';
import { NatsServer, TempDir, TestCertificateAuthority, waitFor } from '@gatecast/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { createTopology } from './support/ingest-fixture.ts';

const INGEST = {
  GATECAST_ADMIN_HOST: '127.0.0.1',
  GATECAST_ADMIN_PORT: '0',
  GATECAST_HTTP_HOST: '127.0.0.1',
  GATECAST_HTTP_PORT: '0',
};

async function tempDir(): Promise<TempDir> {
  const dir = await TempDir.create('refusals');
  onTestFinished(() => dir.remove());
  return dir;
}

/** A server on which sensor-ingest may publish to these subjects alone, and everybody else to all. */
async function serverThatAllows(subjects: readonly string[]) {
  const allowed = subjects.map((subject) => `"${subject}"`).join(', ');
  const permissions = `{ subscribe: "_INBOX.sensor-ingest.>", publish: { allow: [${allowed}] } }`;
  const users = `{ user: admin, password: p }, { user: sensor-ingest, password: p, permissions: ${permissions} }`;
  const server = await NatsServer.start({ config: `authorization { users: [${users}] }` });
  onTestFinished(() => server.stop());
  const dir = await tempDir();
  const natsPasswordFile = join(dir.path, 'password');
  await writeFile(natsPasswordFile, 'p');
  await createTopology({ access: () => ({ natsUrl: server.url, natsUser: 'admin', natsPasswordFile }) });
  const env = { GATECAST_NATS_USER: 'sensor-ingest', GATECAST_NATS_PASSWORD_FILE: natsPasswordFile };
  return { GATECAST_NATS_URL: server.url, ...env, ...INGEST };
}

test('a service that may not look at a stream ends, naming the subject', async () => {
  const env = await serverThatAllows(['readings.>', '$JS.API.STREAM.INFO.READINGS']);
  const starting = ServiceProcess.start({ name: 'sensor-ingest', env });
  await expect(starting).rejects.toMatchObject({ code: 'PROCESS_EXITED' });
  await expect(starting).rejects.toThrow(/\$JS\.API\.STREAM\.INFO\.KV_integrations.*NATS_PERMISSION.*could not start/);
});

test('a service that may not follow a bucket is not ready, and says why', async () => {
  const env = await serverThatAllows(['readings.>', '$JS.API.STREAM.INFO.>', '$JS.API.STREAM.MSG.GET.>']);
  const lines: string[] = [];
  const abort = new AbortController();
  const onLine = (line: string) => void lines.push(line);
  const starting = ServiceProcess.start({ name: 'sensor-ingest', env, onLine, signal: abort.signal });
  const ended = expect(starting).rejects.toMatchObject({ code: 'PROCESS_EXITED' });
  await waitFor(() => lines.some((line) => /could not list the bucket/.test(line)), { timeoutMs: 20_000 });
  const line = lines.find((one) => /could not list the bucket/.test(one)) ?? '';
  expect(JSON.parse(line)).toMatchObject({
    bucket: 'integrations',
    err: { code: 'NATS_PERMISSION', message: expect.stringContaining('$JS.API.CONSUMER.CREATE.KV_integrations.') },
  });
  abort.abort();
  await ended;
});

test('a service with a wrong password waits for the right one, and says so', async () => {
  const server = await NatsServer.start({ users: 'shipped' });
  onTestFinished(() => server.stop());
  await createTopology(server);
  const dir = await tempDir();
  const file = join(dir.path, 'password');
  await writeFile(file, 'wrong');
  const lines: string[] = [];
  const env = { ...server.envOf('sensor-ingest'), GATECAST_NATS_PASSWORD_FILE: file, ...INGEST };
  const starting = ServiceProcess.start({ name: 'sensor-ingest', env, onLine: (line) => void lines.push(line) });
  await waitFor(() => lines.some((line) => line.includes('NATS_AUTH_FAILED')), { timeoutMs: 20_000 });
  await writeFile(file, server.users?.serverEnv.GATECAST_NATS_PASSWORD_SENSOR_INGEST ?? '');
  const ingest = await starting;
  onTestFinished(async () => void (await ingest.stop()));
  expect((await fetch(`${ingest.adminUrl}/readyz`)).status).toBe(200);
});

test('a service reaches NATS over TLS', async () => {
  const ca = await TestCertificateAuthority.create();
  const server = await NatsServer.start({ users: 'shipped', tls: await ca.issueServer() });
  onTestFinished(() => server.stop());
  const natsUrl = `tls://localhost:${server.port}`;
  const natsCaFile = join((await tempDir()).path, 'ca.pem');
  await writeFile(natsCaFile, ca.certificate);
  await createTopology({ access: () => ({ ...server.access(), natsUrl, natsCaFile }) });
  const env = { GATECAST_NATS_URL: natsUrl, GATECAST_NATS_CA_FILE: natsCaFile, ...INGEST };
  const ingest = await ServiceProcess.start({
    name: 'sensor-ingest',
    env: { ...server.envOf('sensor-ingest'), ...env },
  });
  onTestFinished(async () => void (await ingest.stop()));
  expect((await fetch(`${ingest.adminUrl}/readyz`)).status).toBe(200);
  await server.restart();
  await waitFor(async () => (await fetch(`${ingest.adminUrl}/readyz`)).status === 200, { timeoutMs: 20_000 });
});
