import { join } from 'node:path';
import { attempt } from './attempt.mjs';
import { makeFolder } from './cache.mjs';
import { elapsed } from './context.mjs';
import { findExecutables, isExecutable, pathFolders } from './executables.mjs';
import { findGo, goInstall } from './go.mjs';
import { withLock } from './lock.mjs';

/**
 * @typedef {import('./context.mjs').Context} Context
 * @typedef {{ path: string, problem?: undefined } | { path?: undefined, problem: string }} Found
 *
 * @typedef {object} GoTool
 * @property {string} name of the program that Go builds
 * @property {string} module the Go package of its program, without a version
 * @property {string} version what is built, and the folder in the cache is named after
 * @property {readonly string[]} [alsoCalled] other names that it may have in PATH
 * @property {readonly string[]} probe arguments by which it says its version
 * @property {RegExp} accepts the answer of one in PATH that will do
 */

/** A program of Kubernetes' family compiles half a million lines. */
const buildTimeoutMs = 20 * 60_000;

/**
 * A program that tests need: from the tools cache, from `PATH`, or built by Go into the cache.
 *
 * @param {Context} context
 * @param {GoTool} tool
 * @param {{ build?: boolean }} [options] `build` false: only one that is there already; default true
 * @returns {Promise<Found>}
 */
export async function ensureGoTool(context, tool, { build = true } = {}) {
  const folder = join(context.tools, 'go', `${tool.name}-${tool.version}`);
  const path = join(folder, 'bin', tool.name);
  if (isExecutable(path)) return { path };
  const installed = await findInstalled(context, tool);
  if (installed !== undefined) return { path: installed };
  if (!build) return { problem: `there is no ${tool.name} ${tool.version} in .tools/ or in PATH` };
  const go = findGo(context);
  if (go === undefined) return { problem: `there is no ${tool.name} in PATH that will do, and no Go to build one` };
  return withLock(
    join(context.tools, 'locks', `go-${tool.name}-${tool.version}`),
    {
      onWait: (owner) => context.log(`waiting for ${owner}, which is building ${tool.name} …`),
      onPoll: context.throwIfStopped,
    },
    async () => (isExecutable(path) ? { path } : buildTool(context, go, tool, folder)),
  );
}

/**
 * @param {Context} context
 * @param {GoTool} tool
 */
async function findInstalled(context, { name, alsoCalled = [], probe, accepts }) {
  const candidates = [name, ...alsoCalled].flatMap((called) => findExecutables(called, pathFolders(context.env)));
  for (const path of candidates) {
    const { problem, output } = await attempt(context, path, probe, 10_000);
    if (problem === undefined && accepts.test(output)) return path;
  }
  return undefined;
}

/**
 * @param {Context} context
 * @param {string} go
 * @param {GoTool} tool
 * @param {string} folder
 * @returns {Promise<Found>}
 */
async function buildTool(context, go, { name, module, version }, folder) {
  const start = performance.now();
  context.log(`building ${name} ${version} with Go (once, some minutes) …`);
  const problem = await makeFolder(folder, (temporary) =>
    goInstall(context, go, `${module}@v${version}`, temporary, buildTimeoutMs),
  );
  if (problem !== undefined) return { problem: `go install ${module}@v${version} failed: ${problem}` };
  context.log(`${name} ${version} is in .tools/ now (${elapsed(start)})`);
  return { path: join(folder, 'bin', name) };
}
