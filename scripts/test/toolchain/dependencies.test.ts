import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { ensureDependencies, inspectDependencies } from '../../toolchain/dependencies.mjs';
import type { TestContext } from '../helpers.ts';
import { readLines, testContext, writeFile, writeJson } from '../helpers.ts';

const fakeNpm = `
import { appendFileSync, copyFileSync, mkdirSync } from 'node:fs';
appendFileSync(process.env.FAKE_JOURNAL, process.argv.slice(2).join(' ') + '\\n');
if (process.env.FAKE_FAILURE) process.exit(1);
mkdirSync('node_modules', { recursive: true });
copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
`;

const node = { execPath: process.execPath, major: 26 };
const everything = 'ci --include=dev --include=optional --no-audit --no-fund';

const rootManifest = { name: 'root', workspaces: ['packages/*', 'demo'], devDependencies: { tool: '^1.0.0' } };
const sharedManifest = { name: '@a/shared', dependencies: { thing: '^2.0.0' } };
const forMac = { version: '1.0.0', optional: true, os: ['darwin'] };
const forHere = { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'], libc: ['glibc'] };
const packages = {
  '': { name: 'root', devDependencies: { tool: '^1.0.0' } },
  'packages/shared': { name: '@a/shared', dependencies: { thing: '^2.0.0' } },
  'node_modules/@a/shared': { resolved: 'packages/shared', link: true },
  'node_modules/tool': { version: '1.0.1', integrity: 'sha512-tool' },
  'node_modules/tool-darwin': forMac,
  'node_modules/tool-linux-x64': forHere,
  'node_modules/tool-wasm-runtime': { version: '1.0.0', optional: true },
  'node_modules/thing': { version: '2.3.4', integrity: 'sha512-thing' },
};
const {
  '': _root,
  'node_modules/tool-darwin': _mac,
  'node_modules/tool-wasm-runtime': _wasm,
  ...installedHere
} = packages;

describe('ensureDependencies', () => {
  let context: TestContext;
  let journal: string;

  beforeEach(() => {
    context = testContext();
    journal = join(context.root, 'journal');
    const npm = writeFile(join(context.root, 'fake', 'npm-cli.js'), fakeNpm);
    writeFile(join(context.root, 'fake', 'package.json'), '{ "type": "module" }');
    context.env = { ...context.env, npm_execpath: npm, FAKE_JOURNAL: journal };
    writeJson(join(context.root, 'package.json'), rootManifest);
    writeJson(join(context.root, 'packages/shared/package.json'), sharedManifest);
    writeJson(join(context.root, 'package-lock.json'), { packages });
  });

  /** What a person's own `npm install` leaves behind. */
  function npmInstalled(installed: object): void {
    rmSync(join(context.root, 'node_modules'), { recursive: true, force: true });
    writeJson(join(context.root, 'node_modules', '.package-lock.json'), { packages: installed });
  }

  const reasonToInstall = (): string | undefined => inspectDependencies(context, 26).reason;

  it('installs into a fresh clone, says why, and the next time does nothing', async () => {
    await ensureDependencies(context, node);
    expect(readLines(journal)).toEqual([everything]);
    expect(context.lines[0]).toContain('node_modules is missing');
    expect(context.lines[1]).toMatch(/installed \(\d+\.\d s\)/);
    await ensureDependencies(context, node);
    expect(readLines(journal)).toHaveLength(1);
  });

  it('installs once when two commands start together', async () => {
    await Promise.all([ensureDependencies(context, node), ensureDependencies(context, node)]);
    expect(readLines(journal)).toHaveLength(1);
  });

  it('installs again when package-lock.json has changed', async () => {
    await ensureDependencies(context, node);
    const thing = { version: '2.3.5', integrity: 'sha512-newer' };
    writeJson(join(context.root, 'package-lock.json'), { packages: { ...packages, 'node_modules/thing': thing } });
    await ensureDependencies(context, node);
    expect(readLines(journal)).toHaveLength(2);
    expect(context.lines[2]).toContain('thing is 2.3.4, package-lock.json has 2.3.5');
  });

  it("trusts what a developer's npm install has left", async () => {
    npmInstalled(installedHere);
    await ensureDependencies(context, node);
    expect(readLines(journal)).toEqual([]);
    expect(existsSync(join(context.root, 'node_modules', '.gatecast-install.json'))).toBe(true);
  });

  it('does not undo an install without a save, nor a link', () => {
    const link = { resolved: '../thing', link: true };
    npmInstalled({ ...installedHere, 'node_modules/extra': { version: '1.0.0' }, 'node_modules/thing': link });
    expect(reasonToInstall()).toBeUndefined();
  });

  it('does not install for another Node, nor for a change that is none of dependencies', async () => {
    await ensureDependencies(context, node);
    writeJson(join(context.root, 'package.json'), { ...rootManifest, scripts: { hello: 'echo hello' } });
    await ensureDependencies(context, { ...node, major: 24 });
    expect(readLines(journal)).toHaveLength(1);
  });

  it.each([
    ['a package is missing', { 'node_modules/thing': undefined }, 'thing is not installed'],
    [
      "this platform's binary is missing",
      { 'node_modules/tool-linux-x64': undefined },
      'tool-linux-x64 is not installed',
    ],
    ['a workspace is not linked', { 'node_modules/@a/shared': { version: '1.0.0' } }, 'shared is not linked'],
    ['the content differs', { 'node_modules/tool': { version: '1.0.1', integrity: 'sha512-other' } }, 'tool is 1.0.1'],
  ])('installs when %s', (_what, change, reason) => {
    npmInstalled({ ...installedHere, ...change });
    expect(reasonToInstall()).toContain(reason);
  });

  it('installs when node_modules was made on another system', async () => {
    await ensureDependencies(context, node);
    context.platform = { os: 'darwin', cpu: 'arm64', libc: undefined };
    expect(reasonToInstall()).toBe('node_modules is for linux-x64-glibc');
  });

  it('installs when a package.json asks for what package-lock.json does not know', () => {
    npmInstalled(installedHere);
    const dependencies = { thing: '^2.0.0', another: '^1.0.0' };
    writeJson(join(context.root, 'packages/shared/package.json'), { ...sharedManifest, dependencies });
    expect(reasonToInstall()).toBe('packages/shared/package.json has changed its dependencies (another)');
  });

  it('installs when a workspace is new', () => {
    npmInstalled(installedHere);
    writeJson(join(context.root, 'demo/package.json'), { name: 'demo' });
    expect(reasonToInstall()).toBe('demo/package.json is new to package-lock.json');
  });

  it('installs after an install that was cut off', () => {
    writeJson(join(context.root, 'node_modules/thing/package.json'), {});
    expect(reasonToInstall()).toBe('node_modules is missing or incomplete');
  });

  it('says so when npm ci fails, and tries again the next time', async () => {
    context.env.FAKE_FAILURE = '1';
    await expect(ensureDependencies(context, node)).rejects.toMatchObject({ code: 'INSTALL_FAILED' });
    delete context.env.FAKE_FAILURE;
    await ensureDependencies(context, node);
    expect(readLines(journal)).toHaveLength(2);
  });

  it('says so when package-lock.json is missing', async () => {
    rmSync(join(context.root, 'package-lock.json'));
    await expect(ensureDependencies(context, node)).rejects.toMatchObject({ code: 'PACKAGE_LOCK_MISSING' });
  });
});
