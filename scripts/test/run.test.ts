import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { fakeNats, isRunning, temporaryFolder, writeFile, writeJson } from './helpers.ts';

const scripts = fileURLToPath(new URL('..', import.meta.url));

/** A repository that has everything installed, whose demo is `demo`. */
function makeRepository(demo: string): string {
  const root = temporaryFolder();
  cpSync(join(scripts, 'run.mjs'), join(root, 'scripts', 'run.mjs'));
  cpSync(join(scripts, 'toolchain'), join(root, 'scripts', 'toolchain'), { recursive: true });
  writeJson(join(root, 'package.json'), { type: 'module' });
  writeJson(join(root, 'package-lock.json'), { packages: { '': {} } });
  writeJson(join(root, 'node_modules', '.package-lock.json'), { packages: {} });
  writeFile(join(root, 'demo', 'src', 'main.ts'), demo);
  fakeNats(join(root, 'bin', 'nats-server'), '2.15.2');
  return root;
}

describe('run.mjs', () => {
  let root: string;

  beforeEach(() => {
    root = makeRepository(`
      const seen: object = { args: process.argv.slice(2), execArgv: process.execArgv, nats: process.env.NATS_SERVER_BIN };
      console.log(JSON.stringify({ ...seen, node: process.env.npm_node_execpath, cwd: process.cwd() }));
      process.exit(5);`);
  });

  async function run(args: string[], env = {}): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, [join(root, 'scripts', 'run.mjs'), ...args], {
      cwd: '/',
      env: { ...process.env, NATS_SERVER_BIN: join(root, 'bin', 'nats-server'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const streams = Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = await once(child, 'close');
    const [stdout, stderr] = await streams;
    return { code, stdout, stderr };
  }

  it('runs the target in the repository with its arguments, and returns its exit code', async () => {
    const { code, stdout, stderr } = await run(['demo', '--gateways', '3', 'two words']);
    expect(code).toBe(5);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      args: ['--gateways', '3', 'two words'],
      execArgv: ['--conditions=development'],
      nats: join(root, 'bin', 'nats-server'),
      node: process.execPath,
    });
  });

  it('takes arguments behind -- as well', async () => {
    const { stdout } = await run(['demo', '--', '--gateways', '3']);
    expect(JSON.parse(stdout).args).toEqual(['--gateways', '3']);
  });

  it('starts nothing with a NATS server that is too old', async () => {
    fakeNats(join(root, 'bin', 'nats-server'), '2.11.9');
    const { code, stdout, stderr } = await run(['demo']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('version 2.11.9 is older than 2.12.0');
    expect(stderr).not.toContain('    at ');
  });

  it.each([[[]], [['dmeo']]])('shows its usage for %j', async (args) => {
    const { code, stderr } = await run(args);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'gatecast: usage: node scripts/run.mjs demo|bench|chaos|test|test:chart|test:docker|test:e2e|images [arguments]\n',
    });
  });

  it('stops the target when its own parent ends, however that ended', async () => {
    root = makeRepository(`setInterval(() => {}, 1000); console.log(process.pid);`);
    const wrapper = `
      const { spawn } = require('node:child_process');
      spawn(process.execPath, [process.argv[1], 'demo'], { stdio: 'inherit' });`;
    const parent = spawn(process.execPath, ['-e', wrapper, join(root, 'scripts', 'run.mjs')], {
      env: { ...process.env, NATS_SERVER_BIN: join(root, 'bin', 'nats-server') },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    onTestFinished(() => void parent.kill('SIGKILL'));
    const [target] = await once(createInterface(parent.stdout), 'line');
    expect(isRunning(Number(target))).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(isRunning(Number(target))).toBe(false), { timeout: 10_000 });
  });
});
