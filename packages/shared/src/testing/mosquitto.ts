import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mosquittoImage } from './container-images.ts';
import { TestingError } from './errors.ts';
import { findBinary } from './find-binary.ts';
import { freePort, LOOPBACK, retryWhilePortTaken } from './listen.ts';
import { type MosquittoConfig, mosquittoConfig, passwordFile } from './mosquitto-config.ts';
import type { ProcessExit, RunningProcess } from './running-process.ts';
import { startProcess } from './start-process.ts';
import { TempDir } from './temp-dir.ts';
import { testProvider } from './test-provider.ts';

export interface MosquittoOptions extends MosquittoConfig {
  /** Default: {@link findMosquitto}. */
  readonly binary?: string;
  /** Environment variables beside this process's, such as `OPENSSL_CONF`. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface MosquittoRestartOptions {
  /** How the running broker is ended first. Default SIGTERM; SIGKILL is a crash. */
  readonly signal?: NodeJS.Signals;
  /** Forget sessions, queues and retained messages, as a broker whose disk was replaced. Default false. */
  readonly wipe?: boolean;
}

const INSTALL_FOLDERS = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/opt/homebrew/sbin',
  '/opt/homebrew/opt/mosquitto/sbin',
] as const;

/**
 * The mosquitto binary: `MOSQUITTO_BIN`, else in `PATH` and the usual places; undefined when there is none. With
 * containers it is an image.
 */
export function findMosquitto(): string | undefined {
  if (testProvider() === 'containers') return mosquittoImage();
  return findBinary(process.env.MOSQUITTO_BIN ?? 'mosquitto', INSTALL_FOLDERS);
}

/**
 * For `describe.skipIf(mosquittoOrSkip() === undefined)`: the binary, or undefined with the reason printed.
 * @throws {TestingError} `BINARY_NOT_FOUND` when it is missing and `GATECAST_REQUIRE_BROKERS=1`: CI skips nothing.
 */
export function mosquittoOrSkip(print: (reason: string) => void = console.warn): string | undefined {
  const binary = findMosquitto();
  if (binary !== undefined) return binary;
  const reason = `mosquitto is not installed (neither MOSQUITTO_BIN, nor PATH, nor ${INSTALL_FOLDERS.join(', ')})`;
  if (process.env.GATECAST_REQUIRE_BROKERS === '1') throw new TestingError('BINARY_NOT_FOUND', reason);
  print(`skipping its tests: ${reason}`);
  return undefined;
}

/** A real mosquitto (3.1.1 and 5), its files in a temporary directory. */
export class Mosquitto {
  readonly host = LOOPBACK;
  readonly #binary: string;
  readonly #options: MosquittoOptions;
  readonly #dir: TempDir;
  #port = 0;
  #process: RunningProcess | undefined;

  private constructor(binary: string, options: MosquittoOptions, dir: TempDir) {
    this.#binary = binary;
    this.#options = options;
    this.#dir = dir;
  }

  /** @throws {TestingError} `BINARY_NOT_FOUND`, or what mosquitto said when it did not start. */
  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const binary = options.binary ?? findMosquitto();
    if (binary === undefined) throw new TestingError('BINARY_NOT_FOUND', 'mosquitto is not installed');
    const broker = new Mosquitto(binary, options, await TempDir.create('mosquitto'));
    try {
      await broker.#writeFiles();
      await retryWhilePortTaken(async () => {
        broker.#port = await freePort();
        await broker.#launch();
      });
    } catch (error) {
      await broker.stop();
      throw error;
    }
    return broker;
  }

  /** -1 while it does not run. */
  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `${this.#options.tls ? 'mqtts' : 'mqtt'}://${this.host}:${this.#port}`;
  }

  /** The log of the broker as it runs now, or ran last. */
  get logLines(): readonly string[] {
    return this.#process?.lines ?? [];
  }

  /** Ends the broker, keeps its files, and returns when it is gone; {@link restart} brings it back. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<ProcessExit | undefined> {
    this.resume();
    return await this.#process?.stop({ signal });
  }

  /** A broker that hangs: connections stay open, nothing is answered, until {@link resume}. */
  async pause(): Promise<void> {
    await this.#process?.pause();
  }

  resume(): void {
    this.#process?.resume();
  }

  /** Ends the broker if it runs, and starts it on the same port. What it remembers depends on `persistence`. */
  async restart(options: MosquittoRestartOptions = {}): Promise<void> {
    await this.kill(options.signal ?? 'SIGTERM');
    if (options.wipe) await rm(join(this.#dir.path, 'mosquitto.db'), { force: true });
    await retryWhilePortTaken(() => this.#launch());
  }

  /** Ends the broker and removes its files; since nothing is to be kept, by SIGKILL. */
  async stop(): Promise<void> {
    await this.kill();
    await this.#dir.remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #writeFiles(): Promise<void> {
    const { users, acl, tls } = this.#options;
    const files = {
      passwords: users && passwordFile(users),
      acl,
      'ca.pem': tls?.ca,
      'server.pem': tls?.certificate,
      'server.key': tls?.key,
    };
    for (const [name, content] of Object.entries(files)) {
      // mosquitto warns of, and newer ones refuse, password and ACL files that others can read
      if (content !== undefined) await writeFile(join(this.#dir.path, name), content, { mode: 0o600 });
    }
  }

  async #launch(): Promise<void> {
    const configFile = join(this.#dir.path, 'mosquitto.conf');
    await writeFile(configFile, mosquittoConfig(this.#options, this.host, this.#port, this.#dir.path));
    this.#process = await startProcess({
      command: this.#binary,
      args: ['-c', configFile],
      name: 'mosquitto',
      container: {
        image: mosquittoImage(),
        command: ['/usr/sbin/mosquitto', '-c', configFile],
        mounts: [{ path: this.#dir.path }, ...foldersOf(this.#options.env ?? {})],
      },
      env: { ...process.env, ...this.#options.env },
    });
    await this.#process.waitForLine(/^mosquitto version \S+ running/);
  }
}

/** Where files are that an environment names. */
function foldersOf(env: Readonly<Record<string, string>>): { path: string; readOnly: true }[] {
  const paths = Object.values(env).filter((value) => value.startsWith('/'));
  return [...new Set(paths.map(dirname))].map((path) => ({ path, readOnly: true }));
}
