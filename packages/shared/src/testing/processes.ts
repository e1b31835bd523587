import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { TestingError } from './errors.ts';
import { findBinary } from './find-binary.ts';
import { OutputLines } from './output-lines.ts';
import {
  endWithin,
  type ProcessExit,
  type RunningProcess,
  type StopProcessOptions,
  type WaitForLineOptions,
} from './running-process.ts';
import { waitFor } from './wait-for.ts';

export interface ProcessOptions {
  readonly command: string;
  readonly args?: readonly string[];
  /** The child's whole environment. Default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** For error messages. Default: the command's base name. */
  readonly name?: string;
  /** How many lines of output are kept. Default 5,000; older ones are forgotten. */
  readonly maxLines?: number;
  /** Gets every line of output as it comes, for a log file. */
  readonly onLine?: (line: string) => void;
}

/** How long output may still come after the process itself has ended (a grandchild may hold the pipe open). */
const OUTPUT_AFTER_EXIT_MS = 500;

const running = new Set<ChildProcess>();

/**
 * A child process with its output captured. It does not outlive this process: on a normal exit it is killed, and also
 * when this process dies without a word (`kill -9`): by the kernel where `setpriv --pdeathsig` (Linux) can ask for that,
 * elsewhere by a shell that watches a pipe.
 */
export class ManagedProcess implements RunningProcess {
  readonly name: string;
  readonly exit: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  readonly #output: OutputLines;
  #ended: ProcessExit | undefined;

  private constructor(child: ChildProcess, name: string, { maxLines, onLine }: ProcessOptions) {
    this.#child = child;
    this.name = name;
    this.#output = new OutputLines({ name, maxLines, onLine, ended: () => this.#ended });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#output.add(line));
    }
    this.exit = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#ended = { code, signal };
        resolve(this.#ended);
      });
    });
  }

  /** @throws {TestingError} `PROCESS_NOT_STARTED` when the command cannot be executed. */
  static async start(options: ProcessOptions): Promise<ManagedProcess> {
    const name = options.name ?? basename(options.command);
    const binary = findBinary(options.command);
    if (binary === undefined) throw new TestingError('PROCESS_NOT_STARTED', `${name}: no program ${options.command}`);
    const [command, args] = withParentDeathSignal(binary, options.args ?? []);
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C goes to the whole group of the terminal: who started the process decides when and how it stops
      detached: true,
      ...(options.env && { env: options.env }),
      ...(options.cwd && { cwd: options.cwd }),
    });
    const process = new ManagedProcess(child, name, options);
    try {
      await once(child, 'spawn');
    } catch (error) {
      throw new TestingError('PROCESS_NOT_STARTED', `${name} could not be started: ${options.command}`, error);
    }
    endWithThisProcess(child);
    if (command === binary) killWhenThisProcessDies(child);
    return process;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
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
    this.#child.kill(signal);
  }

  /**
   * SIGSTOP. Resolves when it stands: the signal alone returns while threads on other cores still run, for as long as
   * an answer takes. Where the system does not tell (there is no `/proc`), it resolves at once.
   */
  async pause(): Promise<void> {
    this.kill('SIGSTOP');
    await waitFor(() => this.#ended !== undefined || standsStill(this.pid), {
      describe: `${this.name} to stand still`,
    });
  }

  /** SIGCONT. */
  resume(): void {
    this.kill('SIGCONT');
  }

  throwIfEnded(): void {
    this.#output.throwIfEnded();
  }

  stop(options: StopProcessOptions = {}): Promise<ProcessExit> {
    return endWithin(this, options);
  }

  [Symbol.asyncDispose](): Promise<ProcessExit> {
    return this.stop();
  }
}

function standsStill(pid: number): boolean {
  const threads = `/proc/${pid}/task`;
  if (!existsSync(threads)) return true;
  return readdirSync(threads).every((thread) => {
    const afterName = readFileSync(join(threads, thread, 'stat'), 'utf8')
      .split(') ')
      .at(-1);
    return afterName?.startsWith('T');
  });
}

function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

function endWithThisProcess(child: ChildProcess): void {
  if (running.size === 0) process.on('exit', killAll);
  running.add(child);
  child.once('exit', () => {
    running.delete(child);
    if (running.size === 0) process.removeListener('exit', killAll);
    setTimeout(() => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, OUTPUT_AFTER_EXIT_MS).unref();
  });
}

/** Absolute, since the child's own `PATH` may lead elsewhere; undefined where it is missing or cannot do it. */
let setpriv: string | undefined | null = null;

/** `setpriv` (util-linux) replaces itself with the command, so that pid and signals are the command's own. */
function withParentDeathSignal(command: string, args: readonly string[]): [string, readonly string[]] {
  if (setpriv === null) setpriv = findSetpriv();
  return setpriv === undefined ? [command, args] : [setpriv, ['--pdeathsig', 'KILL', command, ...args]];
}

function findSetpriv(): string | undefined {
  const found = process.platform === 'linux' ? findBinary('setpriv') : undefined;
  return found && spawnSync(found, ['--pdeathsig', 'KILL', 'true']).status === 0 ? found : undefined;
}

/**
 * A shell reads from a pipe whose other end only this process has: at the end of this process, however it came, the
 * shell reads its end and kills the child.
 */
function killWhenThisProcessDies(child: ChildProcess): void {
  const watch = 'read -r _; kill -KILL "$1"';
  const shell = spawn('/bin/sh', ['-c', watch, 'sh', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // or signals to this process's group would end it first
  });
  shell.on('error', () => undefined); // without a shell, a killed parent leaves the child running
  shell.unref();
  if (shell.stdin instanceof Socket) shell.stdin.unref();
  child.once('exit', () => shell.kill('SIGKILL'));
}
