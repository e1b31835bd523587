import { join } from 'node:path';
import { attempt } from './attempt.mjs';
import { findExecutables, pathFolders } from './executables.mjs';

/** @typedef {import('./context.mjs').Context} Context */

/** @param {Context} context */
export function findGo({ env }) {
  const usual = ['/usr/local/go/bin', '/opt/homebrew/bin', '/usr/local/bin', '/usr/lib/go/bin'];
  return findExecutables('go', [...pathFolders(env), ...usual])[0];
}

/**
 * Builds a Go program into `folder`/bin.
 *
 * @param {Context} context
 * @param {string} go
 * @param {string} module with its version: `example.org/tool/cmd/tool@v1.2.3`
 * @param {string} folder
 * @param {number} timeoutMs
 * @returns {Promise<string | undefined>} what went wrong
 */
export async function goInstall(context, go, module, folder, timeoutMs) {
  // For this machine, whatever the person builds for otherwise.
  const { GOOS: _os, GOARCH: _arch, GOFLAGS: _flags, ...env } = context.env;
  const settings = { ...env, GOBIN: join(folder, 'bin'), GOWORK: 'off', CGO_ENABLED: '0' };
  return (await attempt(context, go, ['install', module], timeoutMs, { cwd: folder, env: settings })).problem;
}
