import { loadConfig } from '@gatecast/shared/config';
import { expect, test } from 'vitest';
import { IngestConfig } from '../src/config.ts';

test('every setting has a default', () => {
  expect(loadConfig(IngestConfig, {})).toMatchObject({
    httpPort: 8080,
    maxBodyBytes: 524_288,
    readingMaxAheadHours: 24,
    readingMaxAgeDays: 90,
    storageHighWater: 0.95,
  });
});

test('settings come from the environment', () => {
  const config = loadConfig(IngestConfig, { GATECAST_HTTP_PORT: '0', GATECAST_STORAGE_HIGH_WATER: '0.5' });
  expect(config).toMatchObject({ httpPort: 0, storageHighWater: 0.5 });
});

test('refuses values that make no sense, naming each variable', () => {
  const env = { GATECAST_STORAGE_HIGH_WATER: '1.5', GATECAST_MAX_BODY_BYTES: '10', GATECAST_REQUESTS_PER_MINUTE: 'x' };
  for (const variable of Object.keys(env)) {
    expect(() => loadConfig(IngestConfig, env)).toThrow(variable);
  }
});
