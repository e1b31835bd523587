import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { ToolchainError } from './errors.mjs';
import { findExecutables, pathFolders } from './executables.mjs';

/**
 * npm's own script, so that it can be run by a Node of our choice: `npm` on PATH would run under the caller's, and npm
 * picks packages by the version it runs under.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} execPath the running Node
 * @returns {string} path of npm-cli.js
 * @throws {ToolchainError} `NPM_NOT_FOUND`
 */
export function findNpmCli(env, execPath) {
  // Set by `npm run`; other package managers set it to their own script.
  const running = env.npm_execpath;
  if (running !== undefined && basename(running) === 'npm-cli.js' && existsSync(running)) return running;

  const besideNode = resolve(dirname(realpathSync(execPath)), '../lib/node_modules/npm/bin/npm-cli.js');
  if (existsSync(besideNode)) return besideNode;

  for (const path of findExecutables('npm', pathFolders(env))) {
    const real = realpathSync(path);
    if (basename(real) === 'npm-cli.js') return real;
  }
  throw new ToolchainError(
    'NPM_NOT_FOUND',
    'npm was not found. Start this with npm (npm run demo, npm test), or put the folder of npm in PATH.',
  );
}

/** What describes the outer `npm run`, and would make an inner npm install something else, or somewhere else. */
const outerOnly =
  /^npm_(?!config_)|^npm_config_(global|local_prefix|location|workspace|workspaces|include_workspace_root|dry_run)$/i;

/**
 * The environment for an npm inside `npm run`: the person's settings (registry, proxy, cache) stay.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function innerNpmEnv(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !outerOnly.test(name)));
}

/** After a signal npm goes on until what it has begun is done; what is left half-way is installed again anyway. */
export const npmGraceMs = 1_000;
