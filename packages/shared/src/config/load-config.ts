import { readFileSync } from 'node:fs';
import type { Static, TObject, TSchema } from 'typebox';
import Value from 'typebox/value';
import { GatecastError } from '../errors/index.ts';

const PREFIX = 'GATECAST_';

/** Environment variable of a setting: `natsUrl` → `GATECAST_NATS_URL`. */
export function variableOf(setting: string): string {
  return PREFIX + setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** A setting whose schema says `secret: true` is read from the file that `<variable>_FILE` names, never from a value. */
export function isSecretSetting(schema: TSchema): boolean {
  return (schema as { secret?: unknown }).secret === true;
}

/** A setting whose schema says `file: true` is the path of a file, which has to be readable at start. */
function isFileSetting(schema: TSchema): boolean {
  return (schema as { file?: unknown }).file === true;
}

/**
 * Environment → validated, frozen settings.
 * @throws {GatecastError} `CONFIG_INVALID`, naming every variable that is missing, wrong, unknown or unreadable at once.
 */
export function loadConfig<S extends TObject>(schema: S, env: Record<string, string | undefined>): Readonly<Static<S>> {
  const problems: string[] = [];
  const known = new Set<string>();
  const given: Record<string, unknown> = {};
  for (const [setting, property] of Object.entries<TSchema>(schema.properties)) {
    const variable = isSecretSetting(property) ? `${variableOf(setting)}_FILE` : variableOf(setting);
    known.add(variable);
    const text = env[variable];
    if (text === undefined || text === '') continue;
    given[setting] = isSecretSetting(property) ? readFile(variable, text, problems) : parse(text, property);
    if (isFileSetting(property)) readFile(variable, text, problems);
  }
  for (const variable of Object.keys(env)) {
    if (variable.startsWith(PREFIX) && !known.has(variable)) problems.push(`${variable}: unknown setting`);
  }
  const value = Value.Default(schema, given) as Record<string, unknown>;
  for (const [setting, property] of Object.entries<TSchema>(schema.properties)) {
    problems.push(...problemsOf(setting, property, value, schema.required ?? []));
  }
  if (problems.length > 0) {
    throw new GatecastError('CONFIG_INVALID', `invalid configuration:\n  ${[...new Set(problems)].join('\n  ')}`);
  }
  return Object.freeze(value as Static<S>);
}

function readFile(variable: string, path: string, problems: string[]): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    problems.push(`${variable}: cannot read ${path} (${(error as NodeJS.ErrnoException).code})`);
    return undefined;
  }
}

/** What is not a number as people write numbers stays text, which the schema then refuses: nothing is rounded. */
function parse(text: string, { type }: { type?: unknown }): unknown {
  if (type === 'integer' || type === 'number') return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  return text;
}

/** One setting at a time: the validator reports but the first few errors of an object. */
function problemsOf(
  setting: string,
  property: TSchema,
  value: Record<string, unknown>,
  required: readonly string[],
): string[] {
  const variable = isSecretSetting(property) ? `${variableOf(setting)}_FILE` : variableOf(setting);
  if (value[setting] === undefined) return required.includes(setting) ? [`${variable}: is required`] : [];
  return Value.Errors(property, value[setting]).map(({ message }) => `${variable}: ${message}`);
}
