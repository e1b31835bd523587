import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createOpener, createSealer } from '@gatecast/shared/secrets';
import { TempDir } from '@gatecast/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { generateSecrets } from '../../src/generate-secrets/generate-secrets.ts';

let dir: TempDir;
beforeEach(async () => {
  dir = await TempDir.create('secrets');
});
afterEach(() => dir.remove());

const read = (name: string) => readFile(join(dir.path, name), 'utf8');
const SOURCES = [
  'mqtt-publisher/sealing-private.json',
  'admin/api-key',
  ...['admin', 'config-api', 'sensor-ingest', 'encoder', 'mqtt-publisher'].map((user) => `${user}/nats-password`),
];

test('each reader has what it needs and nothing of the others, readable by nobody else', async () => {
  expect(await generateSecrets(dir.path)).toEqual(SOURCES);
  expect(await read('config-api/api-key')).toBe(await read('admin/api-key'));
  expect(await read('simulator/api-key')).toBe(await read('admin/api-key'));
  expect(await read('config-api/sealing-public.json')).not.toContain('"d"');
  await expect(read('config-api/sealing-private.json')).rejects.toThrow('ENOENT');
  for (const name of [...SOURCES, 'nats/passwords.env', 'config-api/sealing-public.json']) {
    expect((await stat(join(dir.path, name))).mode & 0o777, name).toBe(0o400);
  }
});

test('what config-api seals, publishers open', async () => {
  await generateSecrets(dir.path);
  const sealer = await createSealer(await read('config-api/sealing-public.json'));
  const opener = await createOpener(await read('mqtt-publisher/sealing-private.json'));
  expect(await opener.open('gw', 'password', await sealer.seal('gw', 'password', 'secret'))).toBe('secret');
});

test('the environment of NATS has a password for each user, none of which it could read as a number', async () => {
  await generateSecrets(dir.path);
  const lines = (await read('nats/passwords.env')).trim().split('\n');
  const variables = lines.map((line) => /^export (GATECAST_NATS_PASSWORD_[A-Z_]+)='(p[0-9a-f]{48})'$/.exec(line)?.[1]);
  const users = ['ADMIN', 'CONFIG_API', 'SENSOR_INGEST', 'ENCODER', 'MQTT_PUBLISHER'];
  expect(variables).toEqual(users.map((user) => `GATECAST_NATS_PASSWORD_${user}`));
  expect(lines[2]).toContain(await read('sensor-ingest/nats-password'));
});

test('a second run keeps everything, and makes again what is missing or derived', async () => {
  await generateSecrets(dir.path);
  const before = await Promise.all(SOURCES.map(read));
  expect(await generateSecrets(dir.path)).toEqual([]);
  expect(await Promise.all(SOURCES.map(read))).toEqual(before);

  await rm(join(dir.path, 'encoder/nats-password'));
  await rm(join(dir.path, 'admin/api-key'));
  await writeFile(join(dir.path, 'admin/api-key'), 'a-key-of-my-own');
  expect(await generateSecrets(dir.path)).toEqual(['encoder/nats-password']);
  expect(await read('config-api/api-key')).toBe('a-key-of-my-own');
  expect(await read('nats/passwords.env')).toContain(await read('encoder/nats-password'));
});
