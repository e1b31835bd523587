import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generateSealingKeys } from '@gatecast/shared/secrets';

export interface GenerateSecretsOptions {
  /** Whose the files are. Default: this process's user. */
  owner?: { uid: number; gid: number } | undefined;
  /** More files and folders that become the owner's. */
  give?: readonly string[];
}

/** Users of NATS, as charts/gatecast/files/nats-users.conf has them. */
const NATS_USERS = ['admin', 'config-api', 'sensor-ingest', 'encoder', 'mqtt-publisher'] as const;
/** Whoever uses the first API key: people, config-api that checks it, and what tries the system out. */
const API_KEY_READERS = ['admin', 'config-api', 'simulator'] as const;

/**
 * Makes the secrets of an installation in `folder`, a folder below it for each reader, who needs no other. What is there
 * is kept, so that it can run at every start; what is derived (public keys, copies) is written again.
 * @returns names of the files that were made new
 */
export async function generateSecrets(folder: string, options: GenerateSecretsOptions = {}): Promise<string[]> {
  const made: string[] = [];
  const write = (name: string, content: string) => writeSecret(join(folder, name), content, options.owner);
  const keep = async (name: string, make: () => string | Promise<string>): Promise<string> => {
    const found = await read(join(folder, name));
    if (found !== undefined) return found;
    const content = await make();
    await write(name, content);
    made.push(name);
    return content;
  };
  const privateKeys = await keep('mqtt-publisher/sealing-private.json', newSealingKeys);
  await write('config-api/sealing-public.json', publicPartOf(privateKeys));
  const apiKey = await keep('admin/api-key', () => randomBytes(32).toString('base64url'));
  for (const reader of API_KEY_READERS) await write(`${reader}/api-key`, apiKey);
  const passwords = [];
  for (const user of NATS_USERS) {
    passwords.push([user, await keep(`${user}/nats-password`, newNatsPassword)] as const);
  }
  await write('nats/passwords.env', natsEnvironment(passwords));
  for (const path of options.give ?? []) await give(path, options.owner);
  return made;
}

async function newSealingKeys(): Promise<string> {
  return (await generateSealingKeys(randomBytes(6).toString('hex'))).privateJwks;
}

function publicPartOf(privateJwks: string): string {
  const { keys } = JSON.parse(privateJwks) as { keys: readonly Record<string, unknown>[] };
  return JSON.stringify({ keys: keys.map(({ d: _private, ...publicKey }) => publicKey) });
}

/** The NATS server reads it as it reads its configuration: what begins with a digit may be a number to it. */
function newNatsPassword(): string {
  return `p${randomBytes(24).toString('hex')}`;
}

/** For a shell that starts the NATS server. */
function natsEnvironment(passwords: readonly (readonly [user: string, password: string])[]): string {
  const variable = (user: string) => `GATECAST_NATS_PASSWORD_${user.toUpperCase().replaceAll('-', '_')}`;
  return passwords.map(([user, password]) => `export ${variable(user)}='${password.trim()}'\n`).join('');
}

async function read(path: string): Promise<string | undefined> {
  try {
    const content = await readFile(path, 'utf8');
    return content === '' ? undefined : content;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Readers see the old content or the new, never half of it. */
async function writeSecret(path: string, content: string, owner: GenerateSecretsOptions['owner']): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await give(folder, owner);
  await writeFile(`${path}.new`, content, { mode: 0o400 });
  await give(`${path}.new`, owner);
  await rename(`${path}.new`, path);
}

async function give(path: string, owner: GenerateSecretsOptions['owner']): Promise<void> {
  if (owner) await chown(path, owner.uid, owner.gid);
}
