import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findNpmCli, innerNpmEnv } from '../../toolchain/npm.mjs';
import { fakeExecutable, temporaryFolder, writeFile } from '../helpers.ts';

describe('findNpmCli', () => {
  it('takes the npm that runs us', () => {
    const npm = writeFile(join(temporaryFolder(), 'npm-cli.js'), '');
    expect(findNpmCli({ npm_execpath: npm }, process.execPath)).toBe(npm);
  });

  it('takes the npm beside the running Node when another package manager runs us', () => {
    const folder = temporaryFolder();
    const node = fakeExecutable(join(folder, 'bin', 'node'), '');
    const npm = writeFile(join(folder, 'lib/node_modules/npm/bin/npm-cli.js'), '');
    expect(findNpmCli({ npm_execpath: '/opt/yarn.js' }, node)).toBe(npm);
  });

  it('takes the script behind npm in PATH', () => {
    const folder = temporaryFolder();
    const node = fakeExecutable(join(folder, 'elsewhere', 'node'), '');
    const npm = fakeExecutable(join(folder, 'npm', 'npm-cli.js'), '');
    mkdirSync(join(folder, 'bin'));
    symlinkSync(npm, join(folder, 'bin', 'npm'));
    expect(findNpmCli({ PATH: join(folder, 'bin') }, node)).toBe(npm);
  });

  it('says so when there is none', () => {
    const node = fakeExecutable(join(temporaryFolder(), 'bin', 'node'), '');
    expect(() => findNpmCli({ PATH: '' }, node)).toThrow(expect.objectContaining({ code: 'NPM_NOT_FOUND' }));
  });
});

describe('innerNpmEnv', () => {
  it("drops what describes the outer npm run, and keeps the person's settings", () => {
    const kept = { PATH: '/bin', npm_config_registry: 'http://127.0.0.1:1', npm_config_cache: '/cache' };
    const dropped = {
      npm_command: 'run-script',
      npm_lifecycle_event: 'demo',
      npm_package_json: '/a/package.json',
      npm_config_global: 'true',
      npm_config_local_prefix: '/a',
      npm_config_workspace: 'demo',
    };
    expect(innerNpmEnv({ ...kept, ...dropped })).toEqual(kept);
  });
});
