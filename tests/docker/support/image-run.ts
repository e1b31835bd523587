import { randomUUID } from 'node:crypto';
import { natsImage, serviceImage, waitFor } from '@gatecast/shared/testing';
import { docker, inspect } from './docker.ts';

const SECRETS = '/etc/gatecast/secrets';
const OWN_SETTINGS: Readonly<Record<string, Record<string, string>>> = {
  'config-api': {
    GATECAST_SEALING_PUBLIC_KEYS_FILE: `${SECRETS}/config-api/sealing-public.json`,
    GATECAST_BOOTSTRAP_API_KEY_FILE: `${SECRETS}/config-api/api-key`,
  },
  'mqtt-publisher': { GATECAST_SEALING_PRIVATE_KEYS_FILE: `${SECRETS}/mqtt-publisher/sealing-private.json` },
  simulator: {
    GATECAST_API_URL: 'http://config-api:8080',
    GATECAST_API_KEY_FILE: `${SECRETS}/simulator/api-key`,
    GATECAST_INGEST_URL: 'http://sensor-ingest:8080',
    GATECAST_BROKER_HOST: 'nowhere.invalid',
  },
};
const WITHOUT_NATS = new Set(['simulator', 'e2e-driver']);

/** A network with NATS in it, and the services' containers, as strict as a cluster makes them. */
export class ImageRun {
  readonly #name = `gatecast-images-${randomUUID().slice(0, 8)}`;
  readonly #containers: string[] = [];

  static async start(): Promise<ImageRun> {
    const run = new ImageRun();
    await docker(['network', 'create', run.#name]);
    await docker(['volume', 'create', run.#name]);
    await run.#start('nats', natsImage(), [], ['-js']);
    const generate = [
      'node',
      'services/config-api/dist/generate-secrets/main.js',
      '/secrets',
      '--owner',
      '10001:10001',
    ];
    const mount = ['--volume', `${run.#name}:/secrets`];
    await docker([
      'run',
      '--rm',
      '--user',
      '0',
      '--network',
      'none',
      ...mount,
      serviceImage('config-api'),
      ...generate,
    ]);
    return run;
  }

  /** Runs a service's image: its own user, a read-only root, no capabilities. */
  async startService(service: string): Promise<void> {
    const env = {
      GATECAST_INSTANCE: service,
      ...(!WITHOUT_NATS.has(service) && { GATECAST_NATS_URL: 'nats://nats:4222' }),
      ...OWN_SETTINGS[service],
    };
    const settings = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    const strict = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges:true'];
    const mount = ['--volume', `${this.#name}:${SECRETS}:ro`];
    await this.#start(service, serviceImage(service), [...strict, ...mount, ...settings], []);
  }

  /** Its name. */
  containerOf(service: string): string {
    return `${this.#name}-${service}`;
  }

  /** Ms from the start of the process to its line `ready`. */
  async readyAfterMs(container: string): Promise<number> {
    const line = await waitFor(
      async () => {
        const log = (await docker(['logs', container])).split('\n');
        return log.find((text) => text.includes('"message":"ready"'));
      },
      { timeoutMs: 60_000, intervalMs: 200, describe: `${container} to be ready` },
    );
    const { time } = JSON.parse(line) as { time: string };
    return Date.parse(time) - Date.parse(await inspect<string>('container', container, '.State.StartedAt'));
  }

  async untilHealthy(container: string): Promise<void> {
    const health = () => inspect<string>('container', container, '.State.Health.Status');
    await waitFor(async () => (await health()) === 'healthy', {
      timeoutMs: 60_000,
      intervalMs: 500,
      describe: `${container} to be healthy`,
    });
  }

  /** SIGTERM. Resolves to the exit code. */
  async stopService(container: string): Promise<number> {
    await docker(['stop', '-t', '40', container]);
    return inspect<number>('container', container, '.State.ExitCode');
  }

  async stop(): Promise<void> {
    if (this.#containers.length > 0) await docker(['rm', '--force', '--volumes', ...this.#containers]);
    await docker(['volume', 'rm', '--force', this.#name]);
    await docker(['network', 'rm', this.#name]);
  }

  async #start(alias: string, image: string, options: readonly string[], command: readonly string[]): Promise<void> {
    const name = this.containerOf(alias);
    this.#containers.push(name);
    const network = ['--network', this.#name, '--network-alias', alias];
    await docker(['run', '--detach', '--name', name, ...network, ...options, image, ...command]);
  }
}
