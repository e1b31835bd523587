import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suitsPlatform } from './platform.mjs';

/**
 * @typedef {object} LockEntry one entry of `packages` in package-lock.json
 * @property {string} [version]
 * @property {string} [resolved]
 * @property {string} [integrity]
 * @property {boolean} [link] a workspace, linked into node_modules
 * @property {boolean} [optional]
 * @property {boolean} [hasInstallScript]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 * @property {string[]} [libc]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [devDependencies]
 * @property {Record<string, string>} [optionalDependencies]
 * @property {Record<string, string>} [peerDependencies]
 *
 * @typedef {Record<string, LockEntry>} LockPackages
 * @typedef {{ path: string, text: string, manifest: LockEntry }} Manifest `path` is '' for the root, else the folder
 */

/**
 * The package.json of the root and of every workspace. Of npm's workspace patterns only `folder` and `folder/*` are
 * known, which is what this repository uses.
 *
 * @param {string} root
 * @returns {Manifest[]}
 */
export function readManifests(root) {
  const rootManifest = readManifest(root, '');
  const { workspaces = [] } = /** @type {{ workspaces?: string[] }} */ (rootManifest.manifest);
  const folders = workspaces.flatMap((pattern) => {
    if (!pattern.endsWith('/*')) return [pattern];
    const parent = pattern.slice(0, -2);
    if (!existsSync(join(root, parent))) return [];
    return readdirSync(join(root, parent)).map((name) => `${parent}/${name}`);
  });
  const existing = folders.filter((folder) => existsSync(join(root, folder, 'package.json'))).sort();
  return [rootManifest, ...existing.map((folder) => readManifest(root, folder))];
}

/**
 * @param {string} root
 * @param {string} path
 * @returns {Manifest}
 */
function readManifest(root, path) {
  const text = readFileSync(join(root, path, 'package.json'), 'utf8');
  return { path, text, manifest: JSON.parse(text) };
}

const dependencyFields = /** @type {const} */ ([
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
]);

/**
 * What a package.json asks for that package-lock.json does not know, as one line; undefined when they agree.
 *
 * @param {readonly Manifest[]} manifests
 * @param {LockPackages} locked
 * @returns {string | undefined}
 */
export function manifestDifference(manifests, locked) {
  for (const { path, manifest } of manifests) {
    const file = path === '' ? 'package.json' : `${path}/package.json`;
    const entry = locked[path];
    if (entry === undefined) return `${file} is new to package-lock.json`;
    for (const field of dependencyFields) {
      const asked = manifest[field] ?? {};
      const known = entry[field] ?? {};
      for (const name of new Set([...Object.keys(asked), ...Object.keys(known)])) {
        if (asked[name] !== known[name]) return `${file} has changed its ${field} (${name})`;
      }
    }
  }
  return undefined;
}

/**
 * What package-lock.json asks for that node_modules does not have, as one line; undefined when it has everything.
 * Packages beyond what was asked for are no difference (`npm install --no-save`, `npm link`).
 *
 * @param {LockPackages} locked of package-lock.json
 * @param {LockPackages} installed of node_modules/.package-lock.json
 * @param {import('./platform.mjs').Platform} platform
 * @returns {string | undefined}
 */
export function installedDifference(locked, installed, platform) {
  for (const [path, wanted] of Object.entries(locked)) {
    if (path === '') continue;
    const name = path.replace(/^.*node_modules\//, '');
    const found = installed[path];
    if (found === undefined) {
      if (mayBeAbsent(wanted, platform)) continue;
      return `${name} is not installed`;
    }
    if (found.link || wanted.link) {
      // `npm link` puts a link where a package was: the person's own doing.
      if (found.link && (!wanted.link || found.resolved === wanted.resolved)) continue;
      return `${name} is not linked`;
    }
    if (found.version !== wanted.version || found.integrity !== wanted.integrity) {
      return `${name} is ${found.version}, package-lock.json has ${wanted.version}`;
    }
  }
  return undefined;
}

/**
 * Optional packages are mostly binaries for other platforms. One that is meant for this platform must be there: npm
 * leaves it out when node_modules came from another system, or an older Node. Those without a platform are what such
 * binaries depend on.
 *
 * @param {LockEntry} entry
 * @param {import('./platform.mjs').Platform} platform
 */
function mayBeAbsent(entry, platform) {
  if (!entry.optional) return false;
  const isForSomePlatform = entry.os !== undefined || entry.cpu !== undefined || entry.libc !== undefined;
  return !isForSomePlatform || !suitsPlatform(entry, platform);
}
