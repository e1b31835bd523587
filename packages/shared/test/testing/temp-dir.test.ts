import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { TempDir } from '../../src/testing/temp-dir.ts';

describe('TempDir', () => {
  it('is removed with what is in it', async () => {
    const dir = await TempDir.create('test');
    await writeFile(join(dir.path, 'file'), 'content');
    await dir.remove();
    expect(existsSync(dir.path)).toBe(false);
    await dir.remove();
  });

  it('is removed when its process ends without having done so', async () => {
    const module = new URL('../../src/testing/temp-dir.ts', import.meta.url);
    const script = `import { TempDir } from '${module}'; console.log((await TempDir.create('test')).path);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    expect(stdout).toContain('gatecast-test-');
    expect(existsSync(stdout.trim())).toBe(false);
  });
});
