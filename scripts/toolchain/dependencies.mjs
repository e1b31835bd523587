import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { elapsed } from './context.mjs';
import { ToolchainError } from './errors.mjs';
import { hasCode, withLock } from './lock.mjs';
import { installedDifference, manifestDifference, readManifests } from './manifests.mjs';
import { findNpmCli, innerNpmEnv, npmGraceMs } from './npm.mjs';

/** @typedef {import('./context.mjs').Context} Context */

/** @typedef {{ hash: string, node: number, platform: string }} Stamp what node_modules was made from, and by what */

/** Inside node_modules, so that it goes when node_modules goes. */
const stampFile = join('node_modules', '.gatecast-install.json');

/**
 * Runs `npm ci` when node_modules is not what package-lock.json asks for.
 *
 * The stamp of the last run answers in a millisecond. When it does not match (files changed, another Node, or a person
 * ran `npm install`), what npm itself wrote down in node_modules/.package-lock.json decides: if that has every package
 * of package-lock.json in its version, node_modules is trusted, and a developer's `npm install` is not undone. File
 * times are not used: a checkout, a rebase and a copied clone set them as they like, in both directions. Another major
 * version of Node alone is no reason either: native packages use Node-API, and those that an older Node made npm leave
 * out are seen to be missing.
 *
 * @param {Context} context
 * @param {import('./node.mjs').ChosenNode} node the Node that everything runs under
 * @throws {ToolchainError} `PACKAGE_LOCK_MISSING`, `INSTALL_FAILED`, `NPM_NOT_FOUND`, `STOPPED`
 */
export async function ensureDependencies(context, node) {
  if (isTrusted(context, node)) return;
  await withLock(
    join(context.tools, 'locks', 'dependencies'),
    {
      onWait: (owner) => context.log(`waiting for ${owner}, which is installing the dependencies …`),
      onPoll: context.throwIfStopped,
    },
    async () => {
      if (!isTrusted(context, node)) await install(context, node);
    },
  );
}

/**
 * @param {Context} context
 * @param {import('./node.mjs').ChosenNode} node
 */
function isTrusted(context, node) {
  const { reason, stamp } = inspectDependencies(context, node.major);
  if (reason !== undefined) return false;
  if (stamp !== undefined) writeStamp(context.root, stamp);
  return true;
}

/**
 * @param {{ root: string, platform: import('./platform.mjs').Platform }} context
 * @param {number} nodeMajor
 * @returns {{ reason?: string, stamp?: Stamp }} why node_modules has to be installed, if it has; a stamp to write when
 *   the one that is there does not match
 */
export function inspectDependencies({ root, platform }, nodeMajor) {
  const lockText = readIfThere(join(root, 'package-lock.json'));
  if (lockText === undefined) {
    throw new ToolchainError('PACKAGE_LOCK_MISSING', 'package-lock.json is missing: restore it, or run npm install.');
  }
  const manifests = readManifests(root);
  const stamp = stampOf([lockText, ...manifests.map(({ path, text }) => `${path}\n${text}`)], nodeMajor, platform);
  const former = readStamp(root);
  if (former !== undefined && isSame(former, stamp)) return {};

  const installedText = readIfThere(join(root, 'node_modules', '.package-lock.json'));
  // npm writes it last: without it, node_modules is missing, or an install was cut off.
  if (installedText === undefined) return { reason: 'node_modules is missing or incomplete', stamp };
  if (former !== undefined && former.platform !== stamp.platform) {
    return { reason: `node_modules is for ${former.platform}`, stamp };
  }
  const locked = packagesOf(lockText);
  const reason =
    manifestDifference(manifests, locked) ?? installedDifference(locked, packagesOf(installedText), platform);
  return reason === undefined ? { stamp } : { reason, stamp };
}

/**
 * @param {string} lockText
 * @returns {import('./manifests.mjs').LockPackages}
 */
function packagesOf(lockText) {
  return JSON.parse(lockText).packages ?? {};
}

/**
 * @param {Context} context
 * @param {import('./node.mjs').ChosenNode} node
 */
async function install(context, node) {
  const { root, env } = context;
  const { reason, stamp } = inspectDependencies(context, node.major);
  const npm = findNpmCli(env, process.execPath);
  context.log(`installing the dependencies (npm ci): ${reason} …`);
  const start = performance.now();
  // Also with NODE_ENV=production or `omit` in a person's .npmrc: the tools are development dependencies, and their
  // binaries optional ones.
  const flags = ['--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const { code } = await context.run(node.execPath, [npm, 'ci', ...flags], {
    cwd: root,
    env: innerNpmEnv(env),
    output: 'to-stderr',
    graceMs: npmGraceMs,
  });
  context.throwIfStopped();
  if (code !== 0) {
    throw new ToolchainError(
      'INSTALL_FAILED',
      `npm ci ended with ${code}; its own lines above say why.\n` +
        'If package.json and package-lock.json are not in sync, run npm install once.',
    );
  }
  if (stamp !== undefined) writeStamp(root, stamp);
  context.log(`dependencies installed (${elapsed(start)})`);
}

/**
 * @param {readonly string[]} texts
 * @param {number} nodeMajor
 * @param {import('./platform.mjs').Platform} platform
 * @returns {Stamp}
 */
function stampOf(texts, nodeMajor, platform) {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}\n${text}`);
  const { os, cpu, libc } = platform;
  return { hash: hash.digest('hex'), node: nodeMajor, platform: [os, cpu, libc].filter(Boolean).join('-') };
}

/**
 * @param {Stamp} one
 * @param {Stamp} other
 */
function isSame(one, other) {
  return one.hash === other.hash && one.node === other.node && one.platform === other.platform;
}

/**
 * @param {string} root
 * @returns {Stamp | undefined}
 */
function readStamp(root) {
  const text = readIfThere(join(root, stampFile));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // Cut off in the middle of a write: as good as none.
    return undefined;
  }
}

/**
 * @param {string} root
 * @param {Stamp} stamp
 */
function writeStamp(root, stamp) {
  writeFileSync(join(root, stampFile), `${JSON.stringify(stamp)}\n`);
}

/**
 * @param {string} path
 * @returns {string | undefined}
 */
function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
