import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { ensureNats, usualFolders } from '../../toolchain/nats.mjs';
import type { NatsSource } from '../../toolchain/nats-sources.mjs';
import type { TestContext } from '../helpers.ts';
import { fakeExecutable, fakeNats, testContext } from '../helpers.ts';

describe('ensureNats', () => {
  let context: TestContext;
  let tried: string[];

  beforeEach(() => {
    context = testContext();
    tried = [];
  });

  const inPath = (): string => join(context.root, 'bin', 'nats-server');
  const inUsualPlace = (): string => join(context.root, 'usual', 'nats-server');
  const inCache = (name = 'go-2.15.2'): string => join(context.tools, 'nats', name, 'bin', 'nats-server');
  const source = (name: string, outcome: { version: string } | { problem: string }): NatsSource => ({
    name,
    title: name,
    fetch: async (_context, folder) => {
      tried.push(name);
      if ('problem' in outcome) return outcome;
      return { path: fakeNats(join(folder, 'bin', 'nats-server'), outcome.version) };
    },
  });
  const ensure = (...sources: NatsSource[]): Promise<string> =>
    ensureNats(context, { folders: [join(context.root, 'usual')], sources });

  describe('with NATS_SERVER_BIN', () => {
    it('takes it before everything else', async () => {
      fakeNats(inPath(), '2.15.2');
      fakeNats(inCache(), '2.15.2');
      context.env.NATS_SERVER_BIN = fakeNats(join(context.root, 'my', 'nats-server'), '2.12.0');
      expect(await ensure()).toBe(context.env.NATS_SERVER_BIN);
    });

    it('takes a path relative to the repository', async () => {
      const path = fakeNats(join(context.root, 'my', 'nats-server'), '2.15.2');
      context.env.NATS_SERVER_BIN = 'my/nats-server';
      expect(await ensure()).toBe(path);
    });

    it.each([
      ['is too old', 'echo "nats-server: v2.9.10"', 'version 2.9.10 is older than 2.12.0'],
      [
        'is another program',
        'echo "mosquitto version 2.0.11"',
        'does not run as a NATS server (mosquitto version 2.0.11)',
      ],
      ['does not run', 'echo "cannot execute binary file" >&2; exit 126', 'cannot execute binary file'],
    ])('refuses one that %s, although a good one is in PATH', async (_what, body, problem) => {
      fakeNats(inPath(), '2.15.2');
      context.env.NATS_SERVER_BIN = fakeExecutable(join(context.root, 'my', 'nats-server'), body);
      const attempt = ensure();
      await expect(attempt).rejects.toMatchObject({ code: 'NATS_BINARY_REFUSED', exitCode: 1 });
      await expect(attempt).rejects.toThrow(problem);
    });

    it('refuses one that is not there', async () => {
      context.env.NATS_SERVER_BIN = '/nonexistent/nats-server';
      await expect(ensure()).rejects.toThrow('NATS_SERVER_BIN=/nonexistent/nats-server: there is no executable file');
    });
  });

  it('takes the one in the cache before PATH', async () => {
    fakeNats(inPath(), '2.15.2');
    fakeNats(inCache(), '2.15.2');
    expect(await ensure()).toBe(inCache());
  });

  it('takes the one in PATH before the usual places', async () => {
    fakeNats(inPath(), '2.14.1');
    fakeNats(inUsualPlace(), '2.15.2');
    expect(await ensure()).toBe(inPath());
    expect(context.lines).toEqual([]);
  });

  it('leaves aside, with a line, what is too old or does not run', async () => {
    fakeNats(inPath(), '2.9.10');
    fakeNats(inUsualPlace(), '2.15.2');
    expect(await ensure()).toBe(inUsualPlace());
    expect(context.lines).toEqual([`leaving ${inPath()} aside: version 2.9.10 is older than 2.12.0`]);
  });

  it('asks a program once that is reached by several names', async () => {
    fakeNats(inPath(), '2.9.10');
    symlinkSync(join(context.root, 'bin'), join(context.root, 'usual'));
    await expect(ensure()).rejects.toMatchObject({ code: 'NATS_UNAVAILABLE' });
    expect(context.lines).toHaveLength(1);
  });

  it('fetches from the first source that gives one that runs, and the next time from none', async () => {
    const sources = [
      source('docker', { problem: 'no engine answers' }),
      source('old', { version: '2.9.10' }),
      source('go', { version: '2.15.2' }),
      source('pip', { version: '2.15.1' }),
    ];
    expect(await ensure(...sources)).toBe(inCache('go'));
    expect(tried).toEqual(['docker', 'old', 'go']);
    expect(await ensure(...sources)).toBe(inCache('go'));
    expect(tried).toHaveLength(3);
  });

  it('fetches once when two commands start together', async () => {
    const go = source('go', { version: '2.15.2' });
    expect(await Promise.all([ensure(go), ensure(go)])).toEqual([inCache('go'), inCache('go')]);
    expect(tried).toEqual(['go']);
  });

  it('does not take what a killed run has left half-made', async () => {
    fakeNats(inCache('go-2.15.2.123.tmp'), '2.15.2');
    await expect(ensure()).rejects.toMatchObject({ code: 'NATS_UNAVAILABLE' });
  });

  it.each([
    ['linux', "Debian 12's is not"],
    ['darwin', 'brew install nats-server'],
  ] as const)('names what was tried and the choices on %s', async (os, choice) => {
    context.platform = { os, cpu: 'x64', libc: undefined };
    const attempt = ensure(source('Docker', { problem: 'there is no docker command' }));
    await expect(attempt).rejects.toMatchObject({ code: 'NATS_UNAVAILABLE', exitCode: 1 });
    await expect(attempt).rejects.toThrow('Docker: there is no docker command');
    await expect(attempt).rejects.toThrow(choice);
    await expect(attempt).rejects.toThrow('NATS_SERVER_BIN=/path/to/nats-server');
  });
});

describe('usualFolders', () => {
  it("has the system's, Homebrew's and Go's", () => {
    const folders = usualFolders({ HOME: '/home/a', GOPATH: '/go1:/go2', GOBIN: '/gobin' });
    const some = [
      '/usr/sbin',
      '/usr/local/sbin',
      '/opt/homebrew/bin',
      '/home/a/go/bin',
      '/go1/bin',
      '/go2/bin',
      '/gobin',
    ];
    expect(folders).toEqual(expect.arrayContaining(some));
  });
});
