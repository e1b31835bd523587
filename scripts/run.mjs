/**
 * Entry of `npm run demo`, `npm test`, `npm run bench` and others (`targets`): node scripts/run.mjs <target> [arguments]
 *
 * Plain JavaScript without dependencies, for any Node ≥ 20: it makes sure of what everything else needs (a Node ≥ 24,
 * node_modules, a NATS server), then runs the target under that Node and passes its exit code on.
 */
import { realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './toolchain/dependencies.mjs';
import { ToolchainError } from './toolchain/errors.mjs';
import { findExecutables, pathFolders } from './toolchain/executables.mjs';
import { ensureNats } from './toolchain/nats.mjs';
import { ensureNode } from './toolchain/node.mjs';
import { currentPlatform } from './toolchain/platform.mjs';
import { Supervisor } from './toolchain/supervisor.mjs';
import { parseVersion } from './toolchain/versions.mjs';

/** What each target runs, relative to the repository. */
const targets = new Map([
  ['demo', ['--conditions=development', 'demo/src/main.ts']],
  ['bench', ['--conditions=development', 'bench/src/main.ts']],
  ['chaos', ['--conditions=development', 'tests/chaos/src/main.ts']],
  ['test', ['scripts/test.mjs']],
  ['test:chart', ['scripts/test.mjs', '--only', 'chart']],
  ['test:docker', ['node_modules/vitest/vitest.mjs', 'run', '--project', 'docker']],
  ['test:e2e', ['--conditions=development', 'tests/e2e/src/main.ts']],
  ['images', ['--conditions=development', 'scripts/build-images.ts']],
]);

/** @param {string} line */
function log(line) {
  // Not stdout: that belongs to the target.
  process.stderr.write(`gatecast: ${line}\n`);
}

/**
 * @param {readonly string[]} argv
 * @param {Supervisor} supervisor
 * @returns {Promise<number>} exit code
 */
async function main([name, ...args], supervisor) {
  const target = targets.get(name ?? '');
  if (target === undefined) {
    throw new ToolchainError('USAGE', `usage: node scripts/run.mjs ${[...targets.keys()].join('|')} [arguments]`);
  }
  if (process.platform === 'win32') {
    const where = 'https://learn.microsoft.com/windows/wsl/install';
    throw new ToolchainError(
      'PLATFORM_UNSUPPORTED',
      `Gatecast runs on Linux and macOS. On Windows, use WSL2: ${where}`,
    );
  }
  const running = parseVersion(process.version);
  if (running === undefined || running.major < 20) {
    const choice = 'install a newer one (https://nodejs.org/en/download)';
    throw new ToolchainError(
      'NODE_UNAVAILABLE',
      `Node.js 20 or newer is needed to start, this is ${process.version}: ${choice}`,
    );
  }
  const root = join(dirname(fileURLToPath(import.meta.url)), '..');
  const context = {
    root,
    tools: join(root, '.tools'),
    env: process.env,
    platform: currentPlatform(),
    log,
    run: supervisor.run,
    throwIfStopped: () => supervisor.throwIfStopped(),
  };
  const node = await ensureNode(context);
  await ensureDependencies(context, node);
  const nats = await ensureNats(context);
  // `npm run demo -- --gateways 3` and `node scripts/run.mjs demo -- --gateways 3` mean the same.
  const targetArgs = args[0] === '--' ? args.slice(1) : args;
  const env = targetEnv(root, node.execPath, nats);
  return (await supervisor.run(node.execPath, [...target, ...targetArgs], { cwd: root, env })).code;
}

/**
 * The caller's environment, in which `node`, `npm` and `npx` are those of the chosen Node.
 *
 * @param {string} root
 * @param {string} node
 * @param {string} nats
 * @returns {NodeJS.ProcessEnv}
 */
function targetEnv(root, node, nats) {
  const folders = [join(root, 'node_modules', '.bin')];
  if (process.env.PATH) folders.push(process.env.PATH);
  // Only when it is needed: /usr/bin at the front would hide other tools' versions.
  const [first] = findExecutables('node', pathFolders(process.env));
  if (first === undefined || realpathSync(first) !== realpathSync(node)) folders.unshift(dirname(node));
  return {
    ...process.env,
    PATH: folders.join(delimiter),
    NODE: node,
    npm_node_execpath: node,
    NATS_SERVER_BIN: nats,
  };
}

// Where the terminal has gone (SIGHUP), a line that cannot be written must not keep us from stopping the target.
process.stderr.on('error', () => {});
const supervisor = new Supervisor({ log });
try {
  process.exitCode = await main(process.argv.slice(2), supervisor);
} catch (error) {
  if (!(error instanceof ToolchainError)) throw error;
  if (error.code !== 'STOPPED') log(error.message);
  process.exitCode = error.exitCode;
} finally {
  supervisor.close();
}
