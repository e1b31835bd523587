import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isRunning, temporaryFolder, testContext, writeFile } from '../helpers.ts';

const supervisorModule = new URL('../../toolchain/supervisor.mjs', import.meta.url).href;

describe('run', () => {
  it('collects what a child writes to both streams', async () => {
    const { run } = testContext();
    const exit = await run('/bin/sh', ['-c', 'echo out; echo err >&2; exit 3'], { output: 'capture' });
    expect(exit).toMatchObject({ code: 3, timedOut: false });
    expect(exit.output.split('\n').sort()).toEqual(['', 'err', 'out']);
  });

  it('reports the end by a signal as a shell does', async () => {
    const { run } = testContext();
    expect(await run('/bin/sh', ['-c', 'kill -TERM $$'], { output: 'capture' })).toMatchObject({ code: 143 });
  });

  it('ends a child that takes too long, and what holds its streams open', async () => {
    const { run } = testContext();
    const exit = await run('/bin/sh', ['-c', 'sleep 60 & sleep 60'], { output: 'capture', timeoutMs: 50 });
    expect(exit).toMatchObject({ code: 137, timedOut: true });
  });

  it('ends what a child leaves behind', async () => {
    const { run } = testContext();
    const { output } = await run('/bin/sh', ['-c', 'sleep 60 >/dev/null 2>&1 & echo $!'], { output: 'capture' });
    expect(isRunning(Number(output))).toBe(false);
  });

  it('rejects when there is nothing to execute', async () => {
    const { run } = testContext();
    await expect(run('/nonexistent', [], { output: 'capture' })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('a process with a supervisor', () => {
  /** Runs a program that supervises `child`, another program; resolves once that has printed "ready". */
  async function supervise(
    child: string,
    options = {},
  ): Promise<{ kill(signal: NodeJS.Signals): void; end: Promise<{ code: number | null; lines: string[] }> }> {
    const folder = temporaryFolder();
    const childFile = writeFile(join(folder, 'child.mjs'), child);
    const program = writeFile(
      join(folder, 'supervising.mjs'),
      `import { Supervisor } from ${JSON.stringify(supervisorModule)};
       const supervisor = new Supervisor({ log: (line) => console.log('log: ' + line), ...${JSON.stringify(options)} });
       const { code } = await supervisor.run(process.execPath, [${JSON.stringify(childFile)}]);
       try { supervisor.throwIfStopped(); } catch (error) { console.log(error.code); }
       supervisor.close();
       process.exitCode = code;`,
    );
    const process_ = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void process_.kill('SIGKILL'));
    const lines: string[] = [];
    const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
    createInterface(process_.stdout).on('line', (line) => {
      lines.push(line);
      if (line === 'ready') isReady();
    });
    const end = once(process_, 'close').then(([code]) => ({ code, lines }));
    await Promise.race([ready, end]);
    return { kill: (signal) => void process_.kill(signal), end };
  }

  const stays = `setInterval(() => {}, 1000); console.log('ready');`;

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)(
    'passes %s on and waits for the child',
    async (signal) => {
      const { kill, end } = await supervise(
        `process.on('${signal}', () => setImmediate(() => { console.log('got ${signal}'); process.exit(7); })); ${stays}`,
      );
      kill(signal);
      expect(await end).toEqual({ code: 7, lines: ['ready', `got ${signal}`, 'STOPPED'] });
    },
  );

  it('takes signals in quick succession for one, as one Ctrl-C under npm makes them', async () => {
    const { kill, end } = await supervise(
      // The child answers each signal with SIGINT to its parent, and ends when it is told by another way.
      `let count = 0;
       process.on('SIGINT', () => {
         count += 1;
         process.kill(process.ppid, 'SIGINT');
         process.kill(process.ppid, 'SIGTERM');
         process.kill(process.ppid, 'SIGWINCH');
       });
       process.on('SIGTERM', () => { count += 100; });
       process.on('SIGWINCH', () => { console.log('count ' + count); process.exit(0); });
       ${stays}`,
    );
    kill('SIGINT');
    expect((await end).lines).toEqual(['ready', 'count 1', 'STOPPED']);
  });

  it('passes a later signal on again', async () => {
    const { kill, end } = await supervise(
      `let count = 0;
       process.on('SIGINT', () => { count += 1; if (count === 2) process.exit(2); process.kill(process.ppid, 'SIGINT'); });
       ${stays}`,
      { sameSignalMs: 0 },
    );
    kill('SIGINT');
    expect(await end).toMatchObject({ code: 2 });
  });

  it('kills a child that does not end', async () => {
    const { kill, end } = await supervise(`process.on('SIGINT', () => {}); process.on('SIGTERM', () => {}); ${stays}`, {
      graceMs: 20,
      killMs: 20,
    });
    kill('SIGINT');
    const { code, lines } = await end;
    expect(code).toBe(137);
    expect(lines).toEqual([
      'ready',
      'log: still running 0.02 s after SIGINT: sending SIGTERM',
      'log: still running: sending SIGKILL',
      'STOPPED',
    ]);
  });
});
