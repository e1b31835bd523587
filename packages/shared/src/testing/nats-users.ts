import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const NATS_USERS = ['admin', 'config-api', 'sensor-ingest', 'encoder', 'mqtt-publisher'] as const;
export type NatsUser = (typeof NATS_USERS)[number];

/** How to get in as one of them, for `connectNats`. */
export interface NatsCredentials {
  readonly natsUser: NatsUser;
  readonly natsPasswordFile: string;
}

const CHART_FILE = fileURLToPath(new URL('../../../../charts/gatecast/files/nats-users.conf', import.meta.url));

/** The users of NATS as they are shipped, with passwords of this process's own, in files of `dir`. */
export class NatsUsers {
  readonly #dir: string;
  readonly #passwords = new Map<NatsUser, string>();

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async create(dir: string): Promise<NatsUsers> {
    const users = new NatsUsers(dir);
    for (const user of NATS_USERS) await users.rotate(user);
    return users;
  }

  /** Configuration of a server, to stand at its top level. */
  get serverConfig(): string {
    return readFileSync(CHART_FILE, 'utf8');
  }

  /** What that configuration reads from a server's environment, when it starts. */
  get serverEnv(): Record<string, string> {
    return Object.fromEntries(Array.from(this.#passwords, ([user, password]) => [variableOf(user), password]));
  }

  credentials(user: NatsUser): NatsCredentials {
    return { natsUser: user, natsPasswordFile: join(this.#dir, `nats-${user}`) };
  }

  /** The same as settings of a service. */
  env(user: NatsUser): Record<string, string> {
    const { natsPasswordFile } = this.credentials(user);
    return { GATECAST_NATS_USER: user, GATECAST_NATS_PASSWORD_FILE: natsPasswordFile };
  }

  /** Makes a new password. A server takes it when it is started the next time. */
  async rotate(user: NatsUser): Promise<void> {
    const password = `p${randomBytes(16).toString('hex')}`;
    this.#passwords.set(user, password);
    await writeFile(this.credentials(user).natsPasswordFile, `${password}\n`, { mode: 0o600 });
  }
}

function variableOf(user: NatsUser): string {
  return `GATECAST_NATS_PASSWORD_${user.replaceAll('-', '_').toUpperCase()}`;
}
