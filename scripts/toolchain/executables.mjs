import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Every executable called `name` in `folders`, in order, each file once: PATH often reaches one file by several names.
 *
 * @param {string} name
 * @param {readonly string[]} folders
 * @returns {string[]} paths as found, not resolved: a link named `nats-server` may lead to a program that looks at its
 *   own name
 */
export function findExecutables(name, folders) {
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const folder of folders) {
    const path = join(folder, name);
    if (!isExecutable(path)) continue;
    const real = realpathSync(path);
    if (!found.has(real)) found.set(real, path);
  }
  return [...found.values()];
}

/**
 * The folders of PATH; empty and relative entries are left out, since they mean "wherever you happen to be".
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string[]}
 */
export function pathFolders(env) {
  return (env.PATH ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
}

/** @param {string} path */
export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Absent, not ours to execute, a dangling link, a loop of links: all the same to the caller.
    return false;
  }
}
