import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ManagedProcess } from '../../src/testing/processes.ts';
import { waitFor } from '../../src/testing/wait-for.ts';

const FOREVER = 'setInterval(() => undefined, 1_000);';

function node(script: string, options: { maxLines?: number; env?: NodeJS.ProcessEnv } = {}): Promise<ManagedProcess> {
  const args = ['--input-type=module', '--eval', script];
  return ManagedProcess.start({ command: process.execPath, args, name: 'child', ...options });
}

/** Ended and not yet reaped by init counts as ended. */
function isAlive(pid: number): boolean {
  const status = `/proc/${pid}/stat`;
  if (process.platform === 'linux') return existsSync(status) && !readFileSync(status, 'utf8').includes(') Z ');
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('ManagedProcess', () => {
  it('captures both outputs and tells the exit', async () => {
    const child = await node('console.log("out " + process.env.WORD); console.error("err"); process.exitCode = 3;', {
      env: { WORD: 'hello' },
    });
    expect(await child.exit).toEqual({ code: 3, signal: null });
    expect(child.ended).toEqual({ code: 3, signal: null });
    expect([...child.lines].sort()).toEqual(['err', 'out hello']);
  });

  it('keeps the latest lines only, and counts all', async () => {
    const child = await node('for (let i = 1; i <= 10; i++) console.log(i);', { maxLines: 3 });
    await child.exit;
    expect(child.lines).toEqual(['8', '9', '10']);
    expect(child.lineCount).toBe(10);
  });

  it('waits for a line, also one that is there already, or only for a later one', async () => {
    const child = await node(
      `let n = 0; const say = () => console.log('ready ' + n++); process.on('SIGUSR2', say); say(); ${FOREVER}`,
    );
    expect((await child.waitForLine(/ready (\d)/))[1]).toBe('0');
    expect((await child.waitForLine(/ready (\d)/))[1]).toBe('0');
    const fromLine = child.lineCount;
    child.kill('SIGUSR2');
    expect((await child.waitForLine(/ready (\d)/, { fromLine }))[1]).toBe('1');
    await child.stop();
  });

  it('does not wait for a line of a process that has ended, and quotes what it said', async () => {
    const child = await node('console.log("cannot open the store"); process.exit(1);');
    const waiting = child.waitForLine(/ready/);
    await expect(waiting).rejects.toMatchObject({ code: 'PROCESS_EXITED' });
    await expect(waiting).rejects.toThrow(/child: ended \(code 1\).*\n {2}cannot open the store/);
  });

  it('gives up a line after the timeout', async () => {
    const child = await node(FOREVER);
    await expect(child.waitForLine(/never/, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' });
    await child.stop();
  });

  it('stops with SIGTERM', async () => {
    const child = await node(`process.on('SIGTERM', () => process.exit(0)); console.log('ready'); ${FOREVER}`);
    await child.waitForLine(/ready/);
    expect(await child.stop()).toEqual({ code: 0, signal: null });
  });

  it('stops by force what ignores SIGTERM', async () => {
    const child = await node(`process.on('SIGTERM', () => undefined); console.log('ready'); ${FOREVER}`);
    await child.waitForLine(/ready/);
    expect(await child.stop({ graceMs: 50 })).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await child.stop()).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('is over when the process is, although a grandchild still holds its output open', async () => {
    const child = await node(`
      import { spawn } from 'node:child_process';
      const grandchild = spawn('sleep', ['30'], { stdio: 'inherit', detached: true });
      console.log('grandchild ' + grandchild.pid);
      process.exit(0);`);
    const [, grandchild] = await child.waitForLine(/grandchild (\d+)/);
    expect(await child.exit).toEqual({ code: 0, signal: null });
    process.kill(Number(grandchild));
  });

  it('says which program is missing', async () => {
    const starting = ManagedProcess.start({ command: 'no-such-program' });
    await expect(starting).rejects.toMatchObject({ code: 'PROCESS_NOT_STARTED', message: /no-such-program/ });
  });

  it('hands on every line as it comes', async () => {
    const lines: string[] = [];
    const args = ['--eval', 'for (let i = 1; i <= 4; i++) console.log(i);'];
    const onLine = (line: string) => lines.push(line);
    const child = await ManagedProcess.start({ command: process.execPath, args, maxLines: 1, onLine });
    await child.exit;
    expect(lines).toEqual(['1', '2', '3', '4']);
  });

  const endings = [
    { ending: 'exit', how: 'exit', PATH: process.env.PATH },
    { ending: 'SIGKILL', how: 'SIGKILL', PATH: process.env.PATH },
    { ending: 'SIGKILL', how: 'SIGKILL, on a system without setpriv', PATH: '/nowhere' },
  ];
  it.each(endings)('does not outlive its parent: $how', async ({ ending, PATH }) => {
    const module = fileURLToPath(new URL('../../src/testing/processes.ts', import.meta.url));
    const env = { ...process.env, PATH };
    const parent = await node(
      `
      import { ManagedProcess } from '${module}';
      process.on('SIGUSR2', () => process.exit(0));
      const child = await ManagedProcess.start({ command: '/bin/sleep', args: ['30'] });
      console.log('child ' + child.pid);`,
      { env },
    );
    const [, pid] = await parent.waitForLine(/child (\d+)/);
    expect(isAlive(Number(pid))).toBe(true);
    parent.kill(ending === 'exit' ? 'SIGUSR2' : 'SIGKILL');
    await waitFor(() => !isAlive(Number(pid)), { describe: 'the child to end with its parent' });
  });
});
