import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Context } from '../toolchain/context.mjs';
import { Supervisor } from '../toolchain/supervisor.mjs';

/** A folder that goes when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatecast-scripts-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function writeFile(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

export function writeJson(path: string, value: unknown): string {
  return writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** A shell script that can be executed. It has no PATH to count on: absolute paths and built-ins only. */
export function fakeExecutable(path: string, body: string): string {
  writeFile(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

export function fakeNats(path: string, version: string): string {
  return fakeExecutable(path, `echo "nats-server: v${version}"`);
}

/** The lines of a file to which fakes append; none when it is not there. */
export function readLines(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

export interface TestContext extends Context {
  lines: string[];
}

export function testContext(env: NodeJS.ProcessEnv = {}): TestContext {
  const root = temporaryFolder();
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const supervisor = new Supervisor({ log });
  onTestFinished(() => supervisor.close());
  return {
    root,
    tools: join(root, '.tools'),
    env: { HOME: root, PATH: join(root, 'bin'), ...env },
    platform: { os: 'linux', cpu: 'x64', libc: 'glibc' },
    log,
    lines,
    run: supervisor.run,
    throwIfStopped: () => supervisor.throwIfStopped(),
  };
}

/** Whether a process runs; one that has ended and that nobody has collected does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}
