import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { expect, onTestFinished, test } from 'vitest';
import { commonSettings, isSecretSetting, loadConfig, variableOf } from '../../src/config/index.ts';
import { GatecastError } from '../../src/errors/index.ts';
import { TempDir } from '../../src/testing/temp-dir.ts';

const schema = Type.Object({
  httpPort: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080 }),
  ratio: Type.Number({ default: 0.5 }),
  isStrict: Type.Boolean({ default: false }),
  fleet: Type.String({ pattern: '^[a-z]+$' }),
  password: Type.Optional(Type.String({ secret: true })),
  level: Type.Unsafe<'low' | 'high'>({ type: 'string', enum: ['low', 'high'], default: 'low' }),
});

function problemsOf(env: Record<string, string | undefined>, of: Parameters<typeof loadConfig>[0] = schema): string[] {
  try {
    loadConfig(of, env);
  } catch (error) {
    expect(error).toBeInstanceOf(GatecastError);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', retryable: false });
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

async function secretFile(content: string): Promise<string> {
  const dir = await TempDir.create('config');
  onTestFinished(() => dir.remove());
  const path = join(dir.path, 'secret');
  await writeFile(path, content);
  return path;
}

test('names variables after settings', () => {
  expect(variableOf('natsUrl')).toBe('GATECAST_NATS_URL');
  expect(variableOf('mqttMaxInFlight')).toBe('GATECAST_MQTT_MAX_IN_FLIGHT');
  expect([isSecretSetting(schema.properties.password), isSecretSetting(schema.properties.fleet)]).toEqual([
    true,
    false,
  ]);
});

test('turns text into what the schema says, fills in defaults, and freezes the result', () => {
  const config = loadConfig(schema, {
    GATECAST_HTTP_PORT: '0',
    GATECAST_RATIO: '0.95',
    GATECAST_IS_STRICT: 'true',
    GATECAST_FLEET: 'north',
    PATH: '/bin',
    OTHER: 'x',
  });
  expect(config).toEqual({ httpPort: 0, ratio: 0.95, isStrict: true, fleet: 'north', level: 'low' });
  expect(Object.isFrozen(config)).toBe(true);
});

test('an empty variable counts as absent', () => {
  expect(loadConfig(schema, { GATECAST_FLEET: 'north', GATECAST_HTTP_PORT: '' }).httpPort).toBe(8080);
  expect(problemsOf({ GATECAST_FLEET: '' })).toEqual(['GATECAST_FLEET: is required']);
});

test('says everything that is wrong at once, naming the variables', () => {
  const problems = problemsOf({
    GATECAST_HTTP_PORT: '70000',
    GATECAST_RATIO: 'half',
    GATECAST_LEVEL: 'medium',
    GATECAST_HTTP_PROT: '1',
    GATECAST_PASSWORD_FILE: '/does/not/exist',
  });
  const named = problems.map((problem) => problem.split(':')[0]);
  expect(named.sort()).toEqual([
    'GATECAST_FLEET',
    'GATECAST_HTTP_PORT',
    'GATECAST_HTTP_PROT',
    'GATECAST_LEVEL',
    'GATECAST_PASSWORD_FILE',
    'GATECAST_RATIO',
  ]);
  expect(problems).toContain('GATECAST_HTTP_PROT: unknown setting');
  expect(problems).toContain('GATECAST_FLEET: is required');
});

test('says it of any number of settings', () => {
  const names = Array.from({ length: 30 }, (_, n) => `setting${'ABCDEFGHIJ'[n % 10]}${'abc'[Math.floor(n / 10)]}`);
  const many = Type.Object(Object.fromEntries(names.map((name) => [name, Type.Integer({ default: 0 })])));
  const env = Object.fromEntries(names.map((name) => [variableOf(name), 'x']));
  expect(problemsOf(env, many)).toHaveLength(30);
});

test.each(['80.9', '80abc', 'true', '0x50', '1e999', ' ', 'NaN'])('takes no integer from %j', (text) => {
  expect(problemsOf({ GATECAST_FLEET: 'north', GATECAST_HTTP_PORT: text })).toHaveLength(1);
});

test('reads a secret from the file that its variable names, and from nowhere else', async () => {
  const path = await secretFile('s3cret\n');
  expect(loadConfig(schema, { GATECAST_FLEET: 'north', GATECAST_PASSWORD_FILE: path }).password).toBe('s3cret');
  expect(problemsOf({ GATECAST_FLEET: 'north', GATECAST_PASSWORD: 's3cret' })).toEqual([
    'GATECAST_PASSWORD: unknown setting',
  ]);
});

test('a file that is read later has to be there at the start', async () => {
  const path = await secretFile('s3cret');
  const common = Type.Object(commonSettings);
  expect(loadConfig(common, { GATECAST_NATS_PASSWORD_FILE: path }).natsPasswordFile).toBe(path);
  const missing = { GATECAST_NATS_PASSWORD_FILE: '/does/not/exist', GATECAST_NATS_CA_FILE: '/nor/this' };
  expect(problemsOf(missing, common).sort()).toEqual([
    'GATECAST_NATS_CA_FILE: cannot read /nor/this (ENOENT)',
    'GATECAST_NATS_PASSWORD_FILE: cannot read /does/not/exist (ENOENT)',
  ]);
});

test('a secret is text, whatever it looks like, and is in no message', async () => {
  const withPin = Type.Object({ pin: Type.String({ secret: true, minLength: 12 }) });
  const path = await secretFile('12345');
  const problems = problemsOf({ GATECAST_PIN_FILE: path }, withPin);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^GATECAST_PIN_FILE: /);
  expect(problems[0]).not.toContain('12345');
});

test('the settings that every service has need no environment', () => {
  expect(loadConfig(Type.Object(commonSettings), {})).toMatchObject({
    partitions: 64,
    adminPort: 9090,
    logLevel: 'info',
  });
});
