import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { ToolchainError } from './errors.mjs';
import { hasCode } from './lock.mjs';

/**
 * @typedef {object} Exit
 * @property {number} code as a shell would report it: 128 + signal number when a signal ended the child
 * @property {string} output what the child wrote, with `capture`
 * @property {boolean} timedOut
 *
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {'inherit' | 'to-stderr' | 'capture'} [output] default `inherit`; `to-stderr` keeps our stdout clean,
 *   `capture` collects both streams and gives the child no stdin
 * @property {number} [timeoutMs] the child is killed after it; default none
 * @property {number} [graceMs] default the supervisor's
 *
 * @typedef {(command: string, args: readonly string[], options?: RunOptions) => Promise<Exit>} Run
 *
 * @typedef {object} SupervisorOptions
 * @property {(line: string) => void} log
 * @property {boolean} [ownGroups] default true; false for one whose own group is swept by another supervisor
 * @property {number} [graceMs] default 20 000: how long a child may take to end after a first signal
 * @property {number} [killMs] default 5 000: and then after SIGTERM, before SIGKILL
 * @property {number} [sameSignalMs] default 1 000: signals this soon after one that was passed on repeat it
 * @property {number} [parentPollMs] default 1 000
 *
 * @typedef {import('node:child_process').ChildProcess} ChildProcess
 */

const stopSignals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']);

/**
 * Runs children so that none outlives this process: signals are passed on, a child that ignores them is killed, what a
 * child leaves behind is ended, and the end of the parent counts as SIGTERM.
 *
 * Each child leads a process group of its own. One Ctrl-C reaches every process of the terminal's foreground group, and
 * npm passes it on once more; `timeout` signals its child and then its group. To many programs a second signal means
 * "give up at once", so here repeats count as one, and the child hears of it from us alone. The price is that we pass
 * on what else a terminal tells its foreground group: a change of its size, Ctrl-Z and `fg`.
 */
export class Supervisor {
  /** @type {NodeJS.Signals | undefined} the first signal that asked to stop */
  stopSignal;
  /** @type {Map<ChildProcess, { graceMs: number, timer?: NodeJS.Timeout }>} with the deadline of a stop */
  #children = new Map();
  #lastSignalAt = Number.NEGATIVE_INFINITY;
  /** @type {Map<NodeJS.Signals, () => void>} */
  #handlers = new Map();
  #options;
  #parentPoll;

  /** @param {SupervisorOptions} options */
  constructor(options) {
    const defaults = { ownGroups: true, graceMs: 20_000, killMs: 5_000, sameSignalMs: 1_000, parentPollMs: 1_000 };
    this.#options = { ...defaults, ...options };
    for (const signal of stopSignals) this.#handlers.set(signal, () => this.#onStopSignal(signal));
    if (this.#options.ownGroups) this.#passOnTerminalSignals();
    for (const [signal, handler] of this.#handlers) process.on(signal, handler);

    const parent = process.ppid;
    this.#parentPoll = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(this.#parentPoll);
      if (this.stopSignal !== undefined) return;
      this.#options.log(`the parent process ${parent} has ended: stopping`);
      this.stop('SIGTERM');
    }, this.#options.parentPollMs);
    this.#parentPoll.unref();
  }

  /** Ends the watching; children that still run are left alone. */
  close() {
    for (const [signal, handler] of this.#handlers) process.removeListener(signal, handler);
    clearInterval(this.#parentPoll);
    for (const { timer } of this.#children.values()) clearTimeout(timer);
  }

  /** @throws {ToolchainError} `STOPPED` once a signal has asked to stop */
  throwIfStopped() {
    if (this.stopSignal === undefined) return;
    throw new ToolchainError('STOPPED', `stopped by ${this.stopSignal}`, { exitCode: signalExitCode(this.stopSignal) });
  }

  /**
   * Sends `signal` to every child and sees to it that they end.
   *
   * @param {NodeJS.Signals} signal
   */
  stop(signal) {
    this.stopSignal ??= signal;
    this.#send(signal);
    for (const [child, state] of this.#children) {
      state.timer ??= setTimeout(() => {
        this.#options.log(`still running ${state.graceMs / 1000} s after ${signal}: sending SIGTERM`);
        child.kill('SIGTERM');
        state.timer = setTimeout(() => {
          this.#options.log('still running: sending SIGKILL');
          child.kill('SIGKILL');
        }, this.#options.killMs);
      }, state.graceMs);
    }
  }

  /**
   * Runs a child to its end.
   *
   * @type {Run}
   * @throws {ToolchainError} `STOPPED`; or the error of spawn when there is nothing to execute
   */
  run = async (command, args, options = {}) => {
    this.throwIfStopped();
    const { output = 'inherit', timeoutMs } = options;
    const { ownGroups } = this.#options;
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: stdioOf(output),
      detached: ownGroups,
    });
    this.#children.set(child, { graceMs: options.graceMs ?? this.#options.graceMs });
    /** @type {Buffer[]} */
    const chunks = [];
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    const closed = new Promise((resolve) => child.once('close', resolve));
    let timedOut = false;
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill('SIGKILL');
          }, timeoutMs);
    try {
      const code = await exitOf(child);
      clearTimeout(timer);
      if (ownGroups) await this.#endGroup(child);
      await closed;
      return { code, output: Buffer.concat(chunks).toString('utf8'), timedOut };
    } finally {
      clearTimeout(timer);
      clearTimeout(this.#children.get(child)?.timer);
      this.#children.delete(child);
    }
  };

  /** @param {NodeJS.Signals} signal */
  #onStopSignal(signal) {
    const now = performance.now();
    if (now - this.#lastSignalAt < this.#options.sameSignalMs) return;
    this.#lastSignalAt = now;
    this.stop(signal);
  }

  #passOnTerminalSignals() {
    this.#handlers.set('SIGWINCH', () => this.#send('SIGWINCH'));
    this.#handlers.set('SIGTSTP', () => {
      for (const child of this.#children.keys()) signalGroup(child, 'SIGSTOP');
      process.kill(process.pid, 'SIGSTOP');
    });
    this.#handlers.set('SIGCONT', () => {
      for (const child of this.#children.keys()) signalGroup(child, 'SIGCONT');
    });
  }

  /**
   * Ends what a child has left behind in its group.
   *
   * @param {ChildProcess} child
   */
  async #endGroup(child) {
    if (!signalGroup(child, 'SIGTERM')) return;
    const start = performance.now();
    while (signalGroup(child, 0)) {
      // Not awaited then: where process 1 collects nobody (a container without init), a dead group stays visible.
      if (performance.now() - start > this.#options.killMs) return void signalGroup(child, 'SIGKILL');
      await delay(20);
    }
  }

  /** @param {NodeJS.Signals} signal */
  #send(signal) {
    for (const child of this.#children.keys()) child.kill(signal);
  }
}

/**
 * @param {ChildProcess} child
 * @returns {Promise<number>}
 */
function exitOf(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : signalExitCode(signal)));
  });
}

/**
 * @param {ChildProcess} child the leader of the group, which may have ended
 * @param {NodeJS.Signals | 0} signal
 * @returns {boolean} false: the group has no process
 */
function signalGroup(child, signal) {
  if (child.pid === undefined) return false;
  try {
    return process.kill(-child.pid, signal);
  } catch (error) {
    // EPERM: macOS says so of a group that holds nothing but a process that has ended and is not yet collected.
    if (hasCode(error, 'ESRCH') || hasCode(error, 'EPERM')) return false;
    throw error;
  }
}

/**
 * @param {'inherit' | 'to-stderr' | 'capture'} output
 * @returns {import('node:child_process').StdioOptions}
 */
function stdioOf(output) {
  if (output === 'capture') return ['ignore', 'pipe', 'pipe'];
  return output === 'to-stderr' ? ['inherit', 2, 2] : 'inherit';
}

/** @param {NodeJS.Signals} signal */
function signalExitCode(signal) {
  return 128 + constants.signals[signal];
}
