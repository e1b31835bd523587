import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { natsImage } from './container-images.ts';
import { TestingError } from './errors.ts';
import { findBinary } from './find-binary.ts';
import { LOOPBACK, retryWhilePortTaken } from './listen.ts';
import { type NatsCredentials, type NatsUser, NatsUsers } from './nats-users.ts';
import type { ProcessExit, RunningProcess } from './running-process.ts';
import { startProcess } from './start-process.ts';
import { TempDir } from './temp-dir.ts';
import { testProvider } from './test-provider.ts';
import { waitFor } from './wait-for.ts';

export interface NatsServerOptions {
  /** Default: `NATS_SERVER_BIN`, else `nats-server` in `PATH`, `~/go/bin` and the usual places. */
  readonly binary?: string;
  /** Default: the server picks one at the first start, and keeps it through restarts. */
  readonly port?: number;
  /** `sync_interval` of JetStream: `always`, or a time such as `10s`. Default: the server's own, two minutes. */
  readonly syncInterval?: string;
  /** Who may do what; `shipped` makes passwords for this server alone. Default: everybody everything. */
  readonly users?: NatsUsers | 'shipped';
  /** In PEM: clients have to come over TLS. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** More configuration, in the server's own syntax, appended at top level (`max_payload`, …). */
  readonly config?: string | undefined;
  /** Gets every line of the server's log as it comes. */
  readonly onLine?: (line: string) => void;
}

export interface RestartOptions {
  /** How the running server is ended first. Default SIGTERM; SIGKILL is a crash. */
  readonly signal?: NodeJS.Signals;
}

/** Older servers ignore KV TTLs without a word. */
const MINIMUM_VERSION = [2, 12] as const;

/** A real nats-server with JetStream, its store in a temporary directory. */
export class NatsServer {
  readonly host = LOOPBACK;
  /** Undefined: everybody may do everything. */
  readonly users: NatsUsers | undefined;
  readonly #binary: string;
  readonly #options: NatsServerOptions;
  readonly #dir: TempDir;
  #port: number;
  #process: RunningProcess | undefined;

  private constructor(binary: string, options: NatsServerOptions, dir: TempDir, users: NatsUsers | undefined) {
    this.#binary = binary;
    this.#options = options;
    this.#dir = dir;
    this.users = users;
    this.#port = options.port ?? -1;
  }

  /** @throws {TestingError} `BINARY_NOT_FOUND`, `SERVER_TOO_OLD`, or what the server said when it did not start. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const binary = testProvider() === 'containers' ? 'nats-server' : await checkedNatsServer(options.binary);
    const dir = await TempDir.create('nats');
    const users = options.users === 'shipped' ? await NatsUsers.create(dir.path) : options.users;
    const server = new NatsServer(binary, options, dir, users);
    try {
      await server.#launch();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** -1 while it does not run. */
  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `nats://${this.host}:${this.#port}`;
  }

  /** How to get in, for `connectNats`. */
  access(user: NatsUser = 'admin'): { natsUrl: string } & Partial<NatsCredentials> {
    return { natsUrl: this.url, ...this.users?.credentials(user) };
  }

  /** The same as settings of a service. */
  envOf(user: NatsUser): Record<string, string> {
    return { GATECAST_NATS_URL: this.url, ...this.users?.env(user) };
  }

  get storeDir(): string {
    return join(this.#dir.path, 'store');
  }

  /** The log of the server as it runs now, or ran last. */
  get logLines(): readonly string[] {
    return this.#process?.lines ?? [];
  }

  /** What it has refused since it was started last: publishes and subscriptions that a user may not do. */
  get violations(): readonly string[] {
    return this.logLines.filter((line) => / (Publish|Subscription) Violation - /.test(line));
  }

  /** Of the server as it runs now, or ran last: resolves when that process has ended. */
  get exit(): Promise<ProcessExit> | undefined {
    return this.#process?.exit;
  }

  /** Ends the server, keeps its data, and returns when it is gone; {@link restart} brings it back. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<ProcessExit | undefined> {
    this.resume();
    return await this.#process?.stop({ signal });
  }

  /** A server that hangs: connections stay open, nothing is answered, until {@link resume}. */
  async pause(): Promise<void> {
    await this.#process?.pause();
  }

  resume(): void {
    this.#process?.resume();
  }

  /** Ends the server if it runs, and starts it on the same port with the same data. */
  async restart(options: RestartOptions = {}): Promise<void> {
    await this.kill(options.signal ?? 'SIGTERM');
    await retryWhilePortTaken(() => this.#launch());
  }

  /** Ends the server and removes its data; since nothing is to be kept, by SIGKILL. */
  async stop(): Promise<void> {
    await this.kill();
    await this.#dir.remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #launch(): Promise<void> {
    const portsDir = join(this.#dir.path, 'ports');
    await rm(portsDir, { recursive: true, force: true });
    await mkdir(portsDir, { recursive: true });
    const configFile = join(this.#dir.path, 'nats.conf');
    await writeFile(configFile, [this.#config(portsDir), await this.#tlsConfig(), ''].join('\n'));
    const { onLine } = this.#options;
    this.#process = await startProcess({
      command: this.#binary,
      args: ['-c', configFile],
      name: 'nats-server',
      container: { image: natsImage(), command: ['-c', configFile], mounts: [{ path: this.#dir.path }] },
      ...(this.users && { env: { ...process.env, ...this.users.serverEnv } }),
      ...(onLine && { onLine }),
    });
    await this.#process.waitForLine(/Server is ready/);
    this.#port = await this.#readyPort(this.#process, portsDir);
  }

  /** A server whose port for the cluster is taken says that it is ready, and ends. */
  async #readyPort(process: RunningProcess, portsDir: string): Promise<number> {
    const isOver = () => process.ended !== undefined;
    const seen = await waitFor(async () => isOver() || (await readPort(portsDir)), {
      describe: 'the ports file of nats-server',
    });
    process.throwIfEnded();
    return Number(seen);
  }

  #config(portsDir: string): string {
    const { syncInterval, config = '' } = this.#options;
    const sync = syncInterval === undefined ? '' : `, sync_interval: ${syncInterval}`;
    return [
      `listen: "${this.host}:${this.#port}"`,
      `ports_file_dir: "${portsDir}"`,
      `jetstream: { store_dir: "${this.storeDir}"${sync} }`,
      this.users?.serverConfig ?? '',
      config,
    ].join('\n');
  }

  async #tlsConfig(): Promise<string> {
    const { tls } = this.#options;
    if (tls === undefined) return '';
    const [certificateFile, keyFile] = [join(this.#dir.path, 'tls.crt'), join(this.#dir.path, 'tls.key')];
    await writeFile(certificateFile, tls.certificate);
    await writeFile(keyFile, tls.key, { mode: 0o600 });
    return `tls { cert_file: "${certificateFile}", key_file: "${keyFile}" }`;
  }
}

/** The server writes `{"nats":["nats://127.0.0.1:40001"],…}` to a file named after its pid. */
async function readPort(portsDir: string): Promise<number | undefined> {
  const [file] = await readdir(portsDir);
  if (file === undefined) return undefined;
  const ports = JSON.parse(await readFile(join(portsDir, file), 'utf8')) as { nats?: string[] };
  const [url] = ports.nats ?? [];
  return url === undefined ? undefined : Number(new URL(url).port);
}

async function checkedNatsServer(name?: string): Promise<string> {
  const binary = findNatsServer(name);
  await checkVersion(binary);
  return binary;
}

function findNatsServer(binary = process.env.NATS_SERVER_BIN): string {
  const folders = [join(homedir(), 'go', 'bin'), '/usr/local/bin', '/usr/local/sbin', '/opt/homebrew/bin'];
  const found = findBinary(binary ?? 'nats-server', folders);
  if (found !== undefined) return found;
  const wanted = binary === undefined ? `not in PATH, nor in ${folders.join(', ')}` : `${binary} is no program`;
  throw new TestingError('BINARY_NOT_FOUND', `nats-server: ${wanted}; NATS_SERVER_BIN can name it`);
}

const checkedBinaries = new Set<string>();

async function checkVersion(binary: string): Promise<void> {
  if (checkedBinaries.has(binary)) return;
  const { stdout } = await promisify(execFile)(binary, ['--version']);
  const [, major, minor] = stdout.match(/v(\d+)\.(\d+)/) ?? [];
  const [wantedMajor, wantedMinor] = MINIMUM_VERSION;
  const isOld = Number(major) < wantedMajor || (Number(major) === wantedMajor && Number(minor) < wantedMinor);
  if (major === undefined || isOld) {
    const wanted = MINIMUM_VERSION.join('.');
    throw new TestingError('SERVER_TOO_OLD', `${binary} is ${stdout.trim()}; Gatecast needs ${wanted} or newer`);
  }
  checkedBinaries.add(binary);
}
