import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withLock } from '../../toolchain/lock.mjs';
import { readLines, temporaryFolder, writeFile, writeJson } from '../helpers.ts';

const lockModule = new URL('../../toolchain/lock.mjs', import.meta.url).href;

function deadProcessId(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

describe('withLock', () => {
  it('returns what the body returns, and leaves no lock behind', async () => {
    const path = join(temporaryFolder(), 'locks', 'a');
    expect(await withLock(path, {}, async () => 42)).toBe(42);
    expect(existsSync(path)).toBe(false);
  });

  it('is released when the body throws', async () => {
    const path = join(temporaryFolder(), 'a');
    await expect(withLock(path, {}, () => Promise.reject(new Error('body')))).rejects.toThrow('body');
    expect(existsSync(path)).toBe(false);
  });

  it('makes a second one wait, and says for whom', async () => {
    const path = join(temporaryFolder(), 'a');
    const order: string[] = [];
    const { promise: waiting, resolve: nowWaiting } = Promise.withResolvers<string>();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const first = withLock(path, {}, async () => {
      await released;
      order.push('first');
    });
    const second = withLock(path, { pollMs: 1, onWait: nowWaiting }, async () => void order.push('second'));
    expect(await waiting).toBe(`process ${process.pid}`);
    release();
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
  });

  it('gives up when asked to while it waits', async () => {
    const path = join(temporaryFolder(), 'a');
    const attempt = withLock(path, {}, () =>
      withLock(
        path,
        {
          onPoll: () => {
            throw new Error('stopped');
          },
        },
        async () => 'never',
      ),
    );
    await expect(attempt).rejects.toThrow('stopped');
  });

  it('takes over from a process that is gone', async () => {
    const path = join(temporaryFolder(), 'a');
    writeJson(join(path, 'holder.json'), { token: 'x', pid: deadProcessId(), host: hostname() });
    expect(await withLock(path, {}, async () => 'taken')).toBe('taken');
  });

  it('takes over from a holder elsewhere whose heartbeat has stopped', async () => {
    const path = join(temporaryFolder(), 'a');
    writeJson(join(path, 'holder.json'), { token: 'x', pid: process.pid, host: 'elsewhere' });
    expect(await withLock(path, { staleMs: 20, pollMs: 5 }, async () => 'taken')).toBe('taken');
  });

  it('takes over from a process that was killed before it had written who it is', async () => {
    const path = join(temporaryFolder(), 'a');
    mkdirSync(path);
    expect(await withLock(path, { staleMs: 20, pollMs: 5 }, async () => 'taken')).toBe('taken');
  });

  it('leaves a holder alone whose heartbeat goes on', async () => {
    const path = join(temporaryFolder(), 'a');
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const order: string[] = [];
    const first = withLock(path, { heartbeatMs: 5 }, async () => {
      await released;
      order.push('first');
    });
    let polls = 0;
    const onPoll = (): void => {
      polls += 1;
      if (polls === 40) release();
    };
    await withLock(path, { staleMs: 100, pollMs: 5, onPoll }, async () => void order.push('second'));
    await first;
    expect(order).toEqual(['first', 'second']);
  });

  it('lets in one process at a time, also when several find a dead holder at once', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a');
    const journal = join(folder, 'journal');
    writeJson(join(path, 'holder.json'), { token: 'x', pid: deadProcessId(), host: hostname() });
    const program = writeFile(
      join(folder, 'contender.mjs'),
      `import { appendFileSync } from 'node:fs';
       import { setTimeout as delay } from 'node:timers/promises';
       import { withLock } from ${JSON.stringify(lockModule)};
       await withLock(${JSON.stringify(path)}, { pollMs: 2 }, async () => {
         appendFileSync(${JSON.stringify(journal)}, 'enter\\n');
         await delay(10);
         appendFileSync(${JSON.stringify(journal)}, 'leave\\n');
       });`,
    );
    const contenders = Array.from({ length: 4 }, () => spawn(process.execPath, [program], { stdio: 'inherit' }));
    const exits = await Promise.all(contenders.map((contender) => once(contender, 'exit')));
    expect(exits.map(([code]) => code)).toEqual([0, 0, 0, 0]);
    expect(readLines(journal)).toEqual(Array.from({ length: 4 }, () => ['enter', 'leave']).flat());
  });
});
