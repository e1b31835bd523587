import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ApiClient } from '@gatecast/local-stack';
import { ManagedProcess, type ProcessExit, TempDir, waitFor } from '@gatecast/shared/testing';
import { descendantsOf, stillRunning } from './process-tree.ts';

const MAIN = fileURLToPath(new URL('../../../demo/src/main.ts', import.meta.url));
const UP_TIMEOUT_MS = 60_000;
const DOWN_TIMEOUT_MS = 30_000;

/** The demo as a process of its own, without a terminal. */
export class DemoRun {
  readonly process: ManagedProcess;
  readonly #dir: TempDir;

  private constructor(process: ManagedProcess, dir: TempDir) {
    this.process = process;
    this.#dir = dir;
  }

  static start(...args: string[]): Promise<DemoRun> {
    return DemoRun.#launch(['--conditions=development', MAIN, ...args]);
  }

  /** As the child of another process, which does nothing else; {@link process} is that one. */
  static startAsChild(...args: string[]): Promise<DemoRun> {
    const argv = JSON.stringify(['--conditions=development', MAIN, ...args]);
    const script = `require('node:child_process').spawn(process.execPath, ${argv}, { stdio: 'inherit' });`;
    return DemoRun.#launch(['--eval', script]);
  }

  static async #launch(args: string[]): Promise<DemoRun> {
    const dir = await TempDir.create('demo-run');
    // Whatever it writes is to be found in a folder of its own. It runs as processes, as it does for people.
    const env = { ...process.env, TMPDIR: dir.path, GATECAST_TEST_PROVIDER: 'processes' };
    return new DemoRun(await ManagedProcess.start({ name: 'demo', command: process.execPath, args, env }), dir);
  }

  get output(): string {
    return this.process.lines.join('\n');
  }

  line(pattern: RegExp): Promise<RegExpMatchArray> {
    return this.process.waitForLine(pattern, { timeoutMs: UP_TIMEOUT_MS });
  }

  /** Seconds until the first measurement arrived. */
  async firstMessage(): Promise<number> {
    const [, seconds] = await this.line(/^first message after ([\d.]+) s$/);
    return Number(seconds);
  }

  async brokerUrl(): Promise<string> {
    const [, url = ''] = await this.line(/publish to .*(mqtt:\/\/\S+)$/);
    return url;
  }

  /** A client with what the printed commands hold. */
  async api(): Promise<ApiClient> {
    const [, apiKey = '', baseUrl = ''] = await this.line(
      /^ {2}curl -s -H 'Authorization: Bearer (\S+)' (http:\/\/[^/]+)\//,
    );
    return new ApiClient({ baseUrl, apiKey });
  }

  /** Does `end`, waits until it has ended, and for what it had started. */
  async ended(end: () => void = () => undefined): Promise<ProcessExit> {
    const started = descendantsOf(this.process.pid);
    end();
    const exit = await waitFor(() => this.process.ended, {
      timeoutMs: DOWN_TIMEOUT_MS,
      describe: 'the end of the demo',
    });
    await waitFor(() => stillRunning(started).length === 0, {
      timeoutMs: DOWN_TIMEOUT_MS,
      describe: () => `no process to be left; there are ${JSON.stringify(stillRunning(started))}`,
    });
    return exit;
  }

  /** Files and folders that it has left behind. */
  leftovers(): Promise<string[]> {
    return readdir(this.#dir.path);
  }

  get folder(): string {
    return this.#dir.path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
    await this.#dir.remove();
  }
}
