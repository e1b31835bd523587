import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogLevel } from '@gatecast/shared/logging';
import { generateSealingKeys } from '@gatecast/shared/secrets';
import { SERVICE_NAMES, type ServiceName } from './service-process.ts';

/** Settings by environment variable. */
export type Env = Record<string, string>;

export interface StackSettings {
  /** Default: that of the services. */
  partitions?: number;
  /** Default 3,000. */
  leaseTtlMs?: number;
  /** Copies of every stream and bucket. Default: as many as NATS servers are started. */
  replicas?: number;
  /** Default `info`. */
  logLevel?: LogLevel;
  /** CIDR ranges, beside the loopback, that sessions may connect to although they are denied by default. */
  brokerRanges?: readonly string[];
  /** For every service: settings that all have, or `OTEL_*`. */
  commonEnv?: Env;
  /** For one service; goes before everything else. */
  env?: Partial<Record<ServiceName, Env>>;
}

const MiB = 1024 * 1024;
const LOOPBACK_RANGES = ['127.0.0.0/8', '::1/128'];

/** NATS sets the room of a stream aside when it is created: the defaults are for servers, not for laptops. */
const SMALL_STORAGE: Env = {
  GATECAST_READINGS_MAX_BYTES: String(512 * MiB),
  GATECAST_OUTBOX_MAX_BYTES: String(512 * MiB),
  GATECAST_BACKLOG_MAX_BYTES: String(512 * MiB),
  GATECAST_DEADLETTER_MAX_BYTES: String(64 * MiB),
};

export interface StackSecrets {
  apiKey: string;
  apiKeyFile: string;
  publicKeysFile: string;
  privateKeysFile: string;
}

/** Makes what an operator would make: sealing keys and a first API key, in files that only this user can read. */
export async function createSecrets(dir: string): Promise<StackSecrets> {
  const keys = await generateSealingKeys('local');
  const apiKey = randomBytes(32).toString('base64url');
  const write = async (name: string, content: string) => {
    const path = join(dir, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };
  return {
    apiKey,
    apiKeyFile: await write('api-key', apiKey),
    publicKeysFile: await write('sealing-public.json', keys.publicJwks),
    privateKeysFile: await write('sealing-private.json', keys.privateJwks),
  };
}

/** The environment of every service, but for what each instance has for itself: its name and its way to NATS. */
export function environments(settings: StackSettings, secrets: StackSecrets): Record<ServiceName, Env> {
  const http = { GATECAST_HTTP_HOST: '127.0.0.1', GATECAST_HTTP_PORT: '0' };
  const ranges = [...LOOPBACK_RANGES, ...(settings.brokerRanges ?? [])];
  const own: Record<ServiceName, Env> = {
    'config-api': {
      ...http,
      ...SMALL_STORAGE,
      GATECAST_SEALING_PUBLIC_KEYS_FILE: secrets.publicKeysFile,
      GATECAST_BOOTSTRAP_API_KEY_FILE: secrets.apiKeyFile,
      GATECAST_LEASE_TTL_MS: String(settings.leaseTtlMs ?? 3_000),
      GATECAST_REPLICAS: String(settings.replicas ?? 1),
    },
    'sensor-ingest': http,
    encoder: {},
    'mqtt-publisher': {
      GATECAST_SEALING_PRIVATE_KEYS_FILE: secrets.privateKeysFile,
      GATECAST_BROKER_ALLOWED_RANGES: ranges.join(','),
    },
  };
  const environmentOf = (name: ServiceName): Env => ({
    GATECAST_ADMIN_HOST: '127.0.0.1',
    GATECAST_ADMIN_PORT: '0',
    GATECAST_LOG_LEVEL: settings.logLevel ?? 'info',
    ...(settings.partitions === undefined ? {} : { GATECAST_PARTITIONS: String(settings.partitions) }),
    ...own[name],
    ...settings.commonEnv,
    ...settings.env?.[name],
  });
  return Object.fromEntries(SERVICE_NAMES.map((name) => [name, environmentOf(name)])) as Record<ServiceName, Env>;
}
