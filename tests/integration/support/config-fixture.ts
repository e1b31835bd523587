import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiClient, ServiceProcess } from '@gatecast/local-stack';
import { createLogger } from '@gatecast/shared/logging';
import { connectNats, type Nats } from '@gatecast/shared/nats';
import { createOpener, generateSealingKeys, type Opener } from '@gatecast/shared/secrets';
import { NatsServer, TempDir, waitFor } from '@gatecast/shared/testing';
import { stopLoyal } from './stop-loyal.ts';

const API_KEY = 'a-key-for-tests-that-is-long-enough-0123456789';

export const PARTITIONS = 8;
export const LEASE_TTL_MS = 1_500;

/** A real NATS server and a real config-api process; the test plays the other services and the people. */
export class ConfigFixture {
  readonly nats: NatsServer;
  readonly connection: Nats;
  readonly service: ServiceProcess;
  readonly api: ApiClient;
  readonly opener: Opener;
  readonly #dir: TempDir;

  private constructor(nats: NatsServer, connection: Nats, service: ServiceProcess, opener: Opener, dir: TempDir) {
    this.nats = nats;
    this.connection = connection;
    this.service = service;
    this.opener = opener;
    this.#dir = dir;
    this.api = new ApiClient({ baseUrl: service.httpUrl, apiKey: API_KEY });
  }

  static async start(options: { natsIsLate?: boolean } = {}): Promise<ConfigFixture> {
    const nats = await NatsServer.start({ users: 'shipped' });
    const dir = await TempDir.create('config-api');
    const keys = await generateSealingKeys('test');
    const write = async (name: string, content: string) => {
      const path = join(dir.path, name);
      await writeFile(path, content, { mode: 0o600 });
      return path;
    };
    const env = {
      ...nats.envOf('config-api'),
      GATECAST_PARTITIONS: String(PARTITIONS),
      GATECAST_ADMIN_HOST: '127.0.0.1',
      GATECAST_ADMIN_PORT: '0',
      GATECAST_HTTP_HOST: '127.0.0.1',
      GATECAST_HTTP_PORT: '0',
      GATECAST_LOG_LEVEL: 'debug',
      GATECAST_LEASE_TTL_MS: String(LEASE_TTL_MS),
      GATECAST_ENCODER_LAG_INTERVAL_MS: '100',
      GATECAST_READINGS_MAX_BYTES: String(64 * 1024 * 1024),
      GATECAST_OUTBOX_MAX_BYTES: String(64 * 1024 * 1024),
      GATECAST_BACKLOG_MAX_BYTES: String(64 * 1024 * 1024),
      GATECAST_SEALING_PUBLIC_KEYS_FILE: await write('sealing-public.json', keys.publicJwks),
      GATECAST_BOOTSTRAP_API_KEY_FILE: await write('api-key', API_KEY),
    };
    if (options.natsIsLate) await nats.kill('SIGTERM');
    const starting = ServiceProcess.start({ name: 'config-api', env });
    if (options.natsIsLate) await nats.restart();
    const service = await starting;
    const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
    const connection = await connectNats({ ...nats.access(), name: 'test' }, log);
    return new ConfigFixture(nats, connection, service, await createOpener(keys.privateJwks), dir);
  }

  /** Any request, without the client's comfort. */
  fetch(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.service.httpUrl + path, {
      method,
      headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** The body of an answer, whatever its status. */
  async read<T>(method: string, path: string, body?: unknown): Promise<T> {
    return (await (await this.fetch(method, path, body)).json()) as T;
  }

  async admin(path: '/livez' | '/readyz' | '/metrics'): Promise<{ status: number; text: string }> {
    const response = await fetch(this.service.adminUrl + path);
    return { status: response.status, text: await response.text() };
  }

  /** The value of a metric without labels. */
  async metric(name: string): Promise<number> {
    const { text } = await this.admin('/metrics');
    return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
  }

  async untilReady(): Promise<void> {
    await waitFor(async () => (await this.admin('/readyz')).status === 200, { timeoutMs: 20_000 });
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.connection.close();
    await stopLoyal(this.nats);
    await this.#dir.remove();
  }
}
