import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ProcessExit, type RunningProcess, serviceImage, startProcess } from '@gatecast/shared/testing';

export const SERVICE_NAMES = ['config-api', 'sensor-ingest', 'encoder', 'mqtt-publisher'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** The ports that a service listens on, as its log line `ready` says. */
interface ReadyLine {
  adminPort: number;
  httpPort?: number;
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const READY = /^\{.*"message":"ready".*\}$/;
const READY_TIMEOUT_MS = 30_000;
const STOP_GRACE_MS = 20_000;

export interface ServiceProcessOptions {
  name: ServiceName;
  /** Its settings, by environment variable: nothing else of this process's `GATECAST_*` reaches it. */
  env: Record<string, string>;
  /** Flags of Node, such as `--cpu-prof`. */
  nodeFlags?: readonly string[];
  /** Runs what `npm run build` made, as an image does. Default: the sources, which cost some 30 MiB more. */
  built?: boolean;
  /** Gets every line of its log as it comes, restarts included. */
  onLine?: (line: string) => void;
  /** Gives up the start. */
  signal?: AbortSignal;
}

/** One service as a process of its own. Ports are picked at the first start and kept at restarts. */
export class ServiceProcess {
  readonly name: ServiceName;
  readonly #options: ServiceProcessOptions;
  #process: RunningProcess;
  #ready: ReadyLine;

  private constructor(options: ServiceProcessOptions, process: RunningProcess, ready: ReadyLine) {
    this.name = options.name;
    this.#options = options;
    this.#process = process;
    this.#ready = ready;
  }

  /**
   * Resolves once the service says that it is ready.
   * @throws {TestingError} `PROCESS_EXITED` or `WAIT_TIMEOUT` when it does not; it has ended then.
   */
  static async start(options: ServiceProcessOptions): Promise<ServiceProcess> {
    const process = await launch(options);
    return new ServiceProcess(options, process, await readyOrEnded(process, options.signal));
  }

  get pid(): number {
    return this.#process.pid;
  }

  get adminUrl(): string {
    return `http://127.0.0.1:${this.#ready.adminPort}`;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.#ready.httpPort}`;
  }

  /** The log of the process that runs now, or ran last. */
  get log(): readonly string[] {
    return this.#process.lines;
  }

  get exit(): Promise<ProcessExit> {
    return this.#process.exit;
  }

  /** Sends a signal; with SIGKILL and SIGTERM, waits until the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#process.kill(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await this.#process.exit;
  }

  /** A process that hangs: it keeps its connections and does nothing, until {@link resume}. */
  pause(): Promise<void> {
    return this.#process.pause();
  }

  resume(): void {
    this.#process.resume();
  }

  get running(): boolean {
    return this.#process.ended === undefined;
  }

  /** Starts it again, on the same ports; stops it first if it still runs. */
  async restart(env: Record<string, string> = {}): Promise<void> {
    if (!this.#process.ended) await this.stop();
    const ports: Record<string, string> = { GATECAST_ADMIN_PORT: String(this.#ready.adminPort) };
    if (this.#ready.httpPort !== undefined) ports.GATECAST_HTTP_PORT = String(this.#ready.httpPort);
    this.#process = await launch({ ...this.#options, env: { ...this.#options.env, ...ports, ...env } });
    this.#ready = await readyOrEnded(this.#process);
  }

  /** Asks it to stop, and kills it after `graceMs` (default 20,000). */
  stop({ graceMs = STOP_GRACE_MS }: { readonly graceMs?: number } = {}): Promise<ProcessExit> {
    return this.#process.stop({ graceMs });
  }
}

function launch({ name, env, nodeFlags = [], built, onLine }: ServiceProcessOptions): Promise<RunningProcess> {
  const service = `${ROOT}services/${name}`;
  const main = built ? [`${service}/dist/main.js`] : ['--conditions=development', `${service}/src/main.ts`];
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([variable]) =>
      /^(PATH|HOME|TMPDIR|TZ|LANG|NODE_EXTRA_CA_CERTS|NODE_COMPILE_CACHE)$/.test(variable),
    ),
  );
  return startProcess({
    name,
    command: process.execPath,
    args: [...nodeFlags, ...main],
    container: {
      image: serviceImage(name),
      command: ['node', ...nodeFlags, 'main.js'],
      mounts: secretFolders(env).map((path) => ({ path, readOnly: true })),
    },
    cwd: ROOT,
    // Spares every start most of the compiling.
    env: { NODE_COMPILE_CACHE: `${ROOT}.tools/compile-cache`, ...inherited, ...env },
    ...(onLine && { onLine }),
  });
}

/** Folders, since a secret that is changed may be another file of the same name. */
function secretFolders(env: Record<string, string>): string[] {
  const files = Object.entries(env).filter(([variable, path]) => variable.endsWith('_FILE') && path.startsWith('/'));
  return [...new Set(files.map(([, path]) => dirname(path)))];
}

async function readyOrEnded(process: RunningProcess, signal?: AbortSignal): Promise<ReadyLine> {
  const giveUp = () => process.kill('SIGTERM');
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    if (signal?.aborted) giveUp();
    const [line] = await process.waitForLine(READY, { timeoutMs: READY_TIMEOUT_MS });
    return JSON.parse(line) as ReadyLine;
  } catch (error) {
    await process.stop({ signal: 'SIGKILL' });
    throw error;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}
