import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '@gatecast/shared/config';
import { TempDir } from '@gatecast/shared/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ApiConfig } from '../src/config.ts';

async function fileWith(text: string): Promise<string> {
  const dir = await TempDir.create('config');
  onTestFinished(() => dir.remove());
  const path = join(dir.path, 'file');
  await writeFile(path, text);
  return path;
}

const needed = { GATECAST_SEALING_PUBLIC_KEYS_FILE: '/etc/gatecast/keys.json' };

describe('settings', () => {
  it('have defaults for all but the sealing keys', () => {
    expect(loadConfig(ApiConfig, needed)).toMatchObject({
      sealingPublicKeysFile: '/etc/gatecast/keys.json',
      httpPort: 8080,
      defaultFleet: 'default',
      defaultWorkspace: 'default',
      leaseTtlMs: 12_000,
      replicas: 1,
    });
    expect(() => loadConfig(ApiConfig, {})).toThrow(/GATECAST_SEALING_PUBLIC_KEYS_FILE/);
  });

  it('take the bootstrap key from a file, and do not quote it when it is too short', async () => {
    const key = 'k'.repeat(40);
    const env = { ...needed, GATECAST_BOOTSTRAP_API_KEY_FILE: await fileWith(`${key}\n`) };
    expect(loadConfig(ApiConfig, env).bootstrapApiKey).toBe(key);
    const short = { ...needed, GATECAST_BOOTSTRAP_API_KEY_FILE: await fileWith('too-short') };
    expect(() => loadConfig(ApiConfig, short)).toThrow(/GATECAST_BOOTSTRAP_API_KEY_FILE/);
    expect(() => loadConfig(ApiConfig, short)).not.toThrow(/too-short/);
  });

  it.each([
    ['GATECAST_HTTP_PORT', '70000'],
    ['GATECAST_DEFAULT_FLEET', 'No Slug'],
    ['GATECAST_FLEETS', 'east, west'],
    ['GATECAST_LEASE_TTL_MS', '10'],
    ['GATECAST_REPLICAS', '0'],
    ['GATECAST_BOOTSTRAP_API_KEY', 'in the environment'],
  ])('refuse %s=%s, naming it', (variable, value) => {
    expect(() => loadConfig(ApiConfig, { ...needed, [variable]: value })).toThrow(variable);
  });
});
