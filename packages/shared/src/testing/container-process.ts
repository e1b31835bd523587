import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { GenericContainer, getContainerRuntimeClient } from 'testcontainers';
import { TestingError } from './errors.ts';
import { OutputLines } from './output-lines.ts';
import {
  endWithin,
  type ProcessExit,
  type RunningProcess,
  type StopProcessOptions,
  type WaitForLineOptions,
} from './running-process.ts';

export interface BindMount {
  readonly path: string;
  /** Default false. */
  readonly readOnly?: boolean;
}

export interface ContainerProcessOptions {
  readonly name: string;
  readonly image: string;
  /** What is given to the image's entry point. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly mounts?: readonly BindMount[];
  /** Default 5,000. */
  readonly maxLines?: number;
  readonly onLine?: (line: string) => void;
}

type Container = ReturnType<Awaited<ReturnType<typeof getContainerRuntimeClient>>['container']['getById']>;

/** What Docker says of a process that a signal has ended: 128 and its number. */
const BY_SIGNAL: Readonly<Record<number, NodeJS.Signals>> = { 137: 'SIGKILL', 143: 'SIGTERM' };
/** How long output may still come after the end. */
const OUTPUT_AFTER_EXIT_MS = 1_000;

const running = new Set<string>();

/** Its file system is read-only, and it has no capabilities. Nobody looks at its health. */
class HardenedContainer extends GenericContainer {
  constructor(image: string) {
    super(image);
    this.hostConfig.ReadonlyRootfs = true;
    this.hostConfig.CapDrop = ['ALL'];
    this.hostConfig.SecurityOpt = ['no-new-privileges:true'];
    this.createOpts.Healthcheck = { Test: ['NONE'] };
  }
}

/**
 * A container that a test treats as a process. It uses this machine's network, so that it is reached, and reaches what
 * this process serves, on 127.0.0.1; it runs as this process's user, so that both can read each other's files. It does not
 * outlive this process: see to it testcontainers' reaper, and on a normal exit we.
 */
export class ContainerProcess implements RunningProcess {
  readonly name: string;
  readonly pid: number;
  readonly exit: Promise<ProcessExit>;
  readonly #container: Container;
  readonly #output: OutputLines;
  #ended: ProcessExit | undefined;
  #isPaused = false;
  #killedBy: NodeJS.Signals | undefined;
  /** Requests to the engine, one after the other, as signals would come. */
  #requests: Promise<unknown> = Promise.resolve();

  private constructor(
    name: string,
    pid: number,
    container: Container,
    output: (ended: () => ProcessExit | undefined) => OutputLines,
    outputEnded: Promise<unknown>,
  ) {
    this.name = name;
    this.pid = pid;
    this.#container = container;
    this.#output = output(() => this.#ended);
    this.exit = this.#untilEnd(outputEnded);
  }

  /** @throws {TestingError} `PROCESS_NOT_STARTED` no engine, no image, or not possible to start */
  static async start(options: ContainerProcessOptions): Promise<ContainerProcess> {
    const { name, image, command, env = {}, mounts = [], maxLines, onLine } = options;
    let log: Readable | undefined;
    try {
      const container = new HardenedContainer(image)
        .withCommand([...command])
        .withEnvironment({ ...env })
        .withUser(`${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`)
        .withNetworkMode('host')
        .withBindMounts(
          mounts.map(({ path, readOnly }) => ({ source: path, target: path, mode: readOnly ? 'ro' : 'rw' })),
        )
        .withLogConsumer((stream) => {
          log = stream;
        });
      const started = await container.start();
      const client = await getContainerRuntimeClient();
      const found = client.container.getById(started.getId());
      const { State } = await found.inspect();
      endWithThisProcess(started.getId());
      const lines = (ended: () => ProcessExit | undefined) => {
        const output = new OutputLines({ name, maxLines, onLine, ended });
        if (log) createInterface({ input: log }).on('line', (line) => output.add(line));
        return output;
      };
      return new ContainerProcess(name, State.Pid, found, lines, log ? once(log, 'close') : Promise.resolve());
    } catch (error) {
      throw new TestingError('PROCESS_NOT_STARTED', `${name}: no container of ${image}: ${String(error)}`, error);
    }
  }

  get ended(): ProcessExit | undefined {
    return this.#ended;
  }

  get lines(): readonly string[] {
    return this.#output.kept;
  }

  get lineCount(): number {
    return this.#output.count;
  }

  waitForLine(pattern: RegExp, options?: WaitForLineOptions): Promise<RegExpMatchArray> {
    return this.#output.waitFor(pattern, options);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.#ended) return;
    this.#killedBy = signal;
    void this.#ask(() => this.#container.kill({ signal }));
  }

  /** `docker pause`. */
  async pause(): Promise<void> {
    if (this.#ended || this.#isPaused) return;
    this.#isPaused = true;
    await this.#ask(() => this.#container.pause());
  }

  /** `docker unpause`. */
  resume(): void {
    if (this.#ended || !this.#isPaused) return;
    this.#isPaused = false;
    void this.#ask(() => this.#container.unpause());
  }

  throwIfEnded(): void {
    this.#output.throwIfEnded();
  }

  stop(options: StopProcessOptions = {}): Promise<ProcessExit> {
    this.resume();
    return endWithin(this, options);
  }

  [Symbol.asyncDispose](): Promise<ProcessExit> {
    return this.stop();
  }

  /** One that has ended meanwhile refuses, and that is no error. */
  #ask(request: () => Promise<unknown>): Promise<unknown> {
    this.#requests = this.#requests.then(request).catch(() => undefined);
    return this.#requests;
  }

  async #untilEnd(outputEnded: Promise<unknown>): Promise<ProcessExit> {
    const status = await this.#status();
    const abort = new AbortController();
    await Promise.race([outputEnded, pause(OUTPUT_AFTER_EXIT_MS, undefined, { signal: abort.signal }).catch(() => {})]);
    abort.abort();
    const signal = BY_SIGNAL[status];
    // 143 is also what a program may say of itself.
    this.#ended =
      signal !== undefined && signal === this.#killedBy ? { code: null, signal } : { code: status, signal: null };
    await this.#container.remove({ force: true, v: true }).catch(() => undefined);
    running.delete(this.#container.id);
    return this.#ended;
  }

  async #status(): Promise<number> {
    try {
      const { StatusCode } = (await this.#container.wait()) as { StatusCode: number };
      return StatusCode;
    } catch {
      return -1; // somebody has removed it
    }
  }
}

function endWithThisProcess(id: string): void {
  if (running.size === 0) process.on('exit', removeAll);
  running.add(id);
}

/** Only what is synchronous can be done here. Without a `docker` command, the reaper does it a moment later. */
function removeAll(): void {
  if (running.size > 0) spawnSync('docker', ['rm', '--force', ...running], { stdio: 'ignore' });
}
