/**
 * What every step of the toolchain works with.
 *
 * @typedef {object} Context
 * @property {string} root the repository
 * @property {string} tools the cache for what the repository fetches for itself (git-ignored)
 * @property {NodeJS.ProcessEnv} env
 * @property {import('./platform.mjs').Platform} platform
 * @property {(line: string) => void} log
 * @property {import('./supervisor.mjs').Run} run
 * @property {() => void} throwIfStopped
 */

/**
 * Seconds since `start` (of `performance.now()`), for a log line.
 *
 * @param {number} start
 */
export function elapsed(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/**
 * The last line that says something, for a one-line reason.
 *
 * @param {string} output
 */
export function lastLine(output) {
  return output.trim().split('\n').at(-1)?.trim() ?? '';
}
