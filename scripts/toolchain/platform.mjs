/**
 * @typedef {object} Platform
 * @property {NodeJS.Platform} os
 * @property {string} cpu as Node and npm name it: `x64`, `arm64`
 * @property {'glibc' | 'musl' | undefined} libc of a Linux system
 */

/**
 * The system this process runs on.
 *
 * @returns {Platform}
 */
export function currentPlatform() {
  return { os: process.platform, cpu: process.arch, libc: linuxLibc() };
}

/** @returns {'glibc' | 'musl' | undefined} */
function linuxLibc() {
  if (process.platform !== 'linux') return undefined;
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } } | undefined} */ (process.report?.getReport());
  return report?.header?.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
}

/**
 * Whether a package with these `os`, `cpu` and `libc` fields of package-lock.json belongs on this platform. A leading
 * `!` excludes, as in package.json.
 *
 * @param {{ os?: string[], cpu?: string[], libc?: string[] }} entry
 * @param {Platform} platform
 */
export function suitsPlatform(entry, platform) {
  return allows(entry.os, platform.os) && allows(entry.cpu, platform.cpu) && allows(entry.libc, platform.libc);
}

/**
 * @param {string[] | undefined} list
 * @param {string | undefined} value
 */
function allows(list, value) {
  if (list === undefined || list.length === 0) return true;
  if (value === undefined) return false;
  if (list.includes(`!${value}`)) return false;
  const wanted = list.filter((item) => !item.startsWith('!'));
  return wanted.length === 0 || wanted.includes(value) || wanted.includes('any');
}
