import { attempt } from './attempt.mjs';
import { findExecutables, pathFolders } from './executables.mjs';

/** @typedef {import('./context.mjs').Context} Context */

const minute = 60_000;

/**
 * A Python that has pip.
 *
 * @param {Context} context
 * @returns {Promise<{ python: string, problem?: undefined } | { python?: undefined, problem: string }>}
 */
export async function findPip(context) {
  const python = findExecutables('python3', pathFolders(context.env))[0];
  if (python === undefined) return { problem: 'there is no python3' };
  // Apple's placeholder opens a window that offers to install its developer tools.
  if (context.platform.os === 'darwin' && python === '/usr/bin/python3') {
    const tools = await attempt(context, '/usr/bin/xcode-select', ['-p'], 10_000);
    if (tools.problem !== undefined) return { problem: 'python3 is not installed' };
  }
  const pip = await attempt(context, python, ['-m', 'pip', '--version'], minute);
  return pip.problem === undefined ? { python } : { problem: `python3 has no pip (${pip.problem})` };
}

/**
 * Unpacks a package into a folder, without what it depends on.
 *
 * @param {Context} context
 * @param {string} python
 * @param {string} spec
 * @param {string} folder
 * @returns {Promise<string | undefined>} what went wrong
 */
export async function pipInstall(context, python, spec, folder) {
  // --target cannot be combined with the `user = true` that some systems set.
  const env = { ...context.env, PIP_USER: '0' };
  const flags = ['--target', folder, '--no-deps', '--only-binary=:all:', '--no-input', '--no-compile'];
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...flags, spec];
  return (await attempt(context, python, args, 5 * minute, { env })).problem;
}
