import { ApiClient } from '@gatecast/local-stack';
import { freePort, waitFor } from '@gatecast/shared/testing';
import { docker, dockerOutput, inspect } from './docker.ts';

const UP_TIMEOUT_MS = 90_000;

/** docker/compose.yaml as a project of its own, on free ports and another network than a developer's. */
export class Compose {
  readonly apiUrl: string;
  readonly ingestUrl: string;
  readonly brokerUrl: string;
  readonly #project: string;
  readonly #env: Record<string, string>;

  private constructor(project: string, env: Record<string, string>) {
    this.#project = project;
    this.#env = env;
    this.apiUrl = `http://127.0.0.1:${env.GATECAST_API_PORT}`;
    this.ingestUrl = `http://127.0.0.1:${env.GATECAST_INGEST_PORT}`;
    this.brokerUrl = `mqtt://127.0.0.1:${env.GATECAST_BROKER_PORT}`;
  }

  static async create(project: string, env: Record<string, string> = {}): Promise<Compose> {
    return new Compose(project, {
      GATECAST_API_PORT: String(await freePort()),
      GATECAST_INGEST_PORT: String(await freePort()),
      GATECAST_BROKER_PORT: String(await freePort()),
      GATECAST_BROKERS_SUBNET: '172.31.243.0/24',
      GATECAST_GATEWAYS: '2',
      ...env,
    });
  }

  run(...args: string[]): Promise<string> {
    return docker(this.#command(args), this.#env);
  }

  /** What Compose finds wrong with the file. */
  async warnings(): Promise<string> {
    return (await dockerOutput(this.#command(['config', '--quiet']), this.#env)).stderr;
  }

  /** Resolves when config-api answers. */
  async up(...args: string[]): Promise<void> {
    await this.run(...args, 'up', '--detach', '--quiet-pull');
    const isReady = async () => (await fetch(`${this.apiUrl}/openapi.json`).catch(() => undefined))?.ok;
    await waitFor(isReady, { timeoutMs: UP_TIMEOUT_MS, intervalMs: 200, describe: 'config-api to answer' });
  }

  /** What docs/docker.md says: the key is in a file of config-api's. */
  async api(): Promise<ApiClient> {
    return new ApiClient({ baseUrl: this.apiUrl, apiKey: await this.apiKey() });
  }

  apiKey(): Promise<string> {
    return this.run('exec', '-T', 'config-api', 'cat', '/etc/gatecast/secrets/api-key');
  }

  /** Address of this machine in the network of publishers and broker. */
  async brokersGateway(): Promise<string> {
    const config = await inspect<{ Gateway?: string }[]>('network', `${this.#project}_brokers`, '.IPAM.Config');
    return config[0]?.Gateway ?? '172.31.243.1';
  }

  /** Health by service, of those that run. */
  async health(): Promise<Record<string, string>> {
    const lines = (await this.run('ps', '--format', '{{.Service}} {{.Health}}')).split('\n');
    return Object.fromEntries(lines.map((line) => line.split(' ') as [string, string]));
  }

  /** Removes everything, data included. */
  async remove(): Promise<void> {
    await this.run('--profile', 'fleet', 'down', '--volumes', '--timeout', '40');
  }

  #command(args: readonly string[]): string[] {
    const file = ['--file', 'docker/compose.yaml', '--project-name', this.#project, '--progress', 'quiet'];
    return ['compose', ...file, ...args];
  }
}
