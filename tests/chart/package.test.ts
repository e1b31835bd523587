import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { differences, helm, install, tools } from './scenarios.ts';
import { CHART } from './src/helm.ts';
import { Release } from './src/release.ts';

describe.skipIf(tools.helm === null)('the packaged chart', () => {
  it('is small, and makes the same as its folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatecast-package-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const { code, stderr } = await helm.run(['package', CHART, '--destination', folder], {});
    expect(code, stderr).toBe(0);
    const [name = ''] = readdirSync(folder);
    expect(name).toMatch(/^gatecast-\d+\.\d+\.\d+\.tgz$/);
    const chart = join(folder, name);
    // Without its tests and their snapshots, which are larger than everything else together.
    expect(statSync(chart).size).toBeLessThan(80_000);

    const { release, server } = await install();
    expect(differences(release, Release.parse(await helm.template({ server, chart })))).toEqual([]);
  });
});
