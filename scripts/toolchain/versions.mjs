/**
 * @typedef {object} Version
 * @property {number} major
 * @property {number} minor
 * @property {number} patch
 * @property {string} prerelease empty for a release
 */

/**
 * The first version in a program's answer: `v26.10.0`, `nats-server: v2.15.2`, `v2.12.0-RC.1`.
 *
 * @param {string} text
 * @returns {Version | undefined}
 */
export function parseVersion(text) {
  const match = /(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?/.exec(text);
  if (match === null) return undefined;
  const [, major, minor, patch, prerelease = ''] = match;
  return { major: Number(major), minor: Number(minor), patch: Number(patch), prerelease };
}

/** @param {Version} version */
export function formatVersion({ major, minor, patch, prerelease }) {
  return `${major}.${minor}.${patch}${prerelease === '' ? '' : `-${prerelease}`}`;
}

/**
 * Whether `version` is at least the release `minimum`. A pre-release of `minimum` itself is below it (2.12.0-RC.1 is
 * not yet 2.12.0).
 *
 * @param {Version} version
 * @param {Version} minimum
 */
export function isAtLeast(version, minimum) {
  for (const part of /** @type {const} */ (['major', 'minor', 'patch'])) {
    if (version[part] !== minimum[part]) return version[part] > minimum[part];
  }
  return version.prerelease === '' || minimum.prerelease !== '';
}
