/**
 * What `npm test` runs, under the Node that run.mjs has made sure of. `npm test -- --only lint,unit` runs some of it.
 */
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ToolchainError } from './toolchain/errors.mjs';
import { Supervisor } from './toolchain/supervisor.mjs';

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {readonly (readonly string[])[]} commands one after the other
 *
 * @typedef {{ name: string, code: number | undefined, seconds: number }} Result `code` undefined: not run
 */

/**
 * Steps of one group run side by side where there are cores for it, their output kept together; groups run in order.
 *
 * @type {readonly (readonly Step[])[]}
 */
const groups = [
  [
    { name: 'lint', commands: [['biome', 'check', '.']] },
    {
      name: 'typecheck',
      commands: [
        ['tsc', '--build'],
        ['tsc', '-p', 'tsconfig.tests.json', '--noEmit'],
      ],
    },
    { name: 'docs', commands: [['node', 'scripts/check-docs.mjs']] },
  ],
  [{ name: 'unit', commands: [['vitest', 'run', '--project', 'unit']] }],
  [{ name: 'chart', commands: [['vitest', 'run', '--project', 'chart']] }],
  [{ name: 'integration', commands: [['vitest', 'run', '--project', 'integration']] }],
  // Times are judged mildly: nobody knows what else this machine has to do.
  [
    {
      name: 'chaos',
      commands: [['node', '--conditions=development', 'tests/chaos/src/main.ts', '--short', '--slack', '2']],
    },
  ],
];

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** @param {string} line */
function log(line) {
  process.stderr.write(`gatecast: ${line}\n`);
}

/**
 * @param {readonly string[]} argv
 * @returns {readonly (readonly Step[])[]}
 * @throws {ToolchainError} `USAGE`
 */
function chosenGroups(argv) {
  const names = groups.flat().map((step) => step.name);
  const usage = `usage: npm test -- [--only ${names.join(',')}]`;
  try {
    const { values } = parseArgs({ args: [...argv], options: { only: { type: 'string' } } });
    if (values.only === undefined) return groups;
    const wanted = values.only.split(',');
    const unknown = wanted.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new TypeError(`there is no step ${unknown}`);
    return groups.map((group) => group.filter((step) => wanted.includes(step.name)));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ToolchainError('USAGE', `${error.message}\n${usage}`, { cause: error });
  }
}

/**
 * @param {Supervisor} supervisor
 * @param {Step} step
 * @param {boolean} buffered
 * @returns {Promise<Result>}
 */
async function runStep(supervisor, step, buffered) {
  const start = performance.now();
  const result = (/** @type {number} */ code) => ({
    name: step.name,
    code,
    seconds: (performance.now() - start) / 1000,
  });
  for (const [command = '', ...args] of step.commands) {
    const heading = `\n> ${step.name}: ${[command, ...args].join(' ')}\n`;
    if (!buffered) process.stdout.write(heading);
    const { code, output } = await supervisor.run(command === 'node' ? process.execPath : command, args, {
      cwd: root,
      env: stepEnv(),
      output: buffered ? 'capture' : 'inherit',
    });
    if (buffered) process.stdout.write(`${heading}${output}`);
    supervisor.throwIfStopped();
    if (code !== 0) return result(code);
  }
  return result(0);
}

/** @returns {NodeJS.ProcessEnv} in which the repository's tools come first; colours survive the buffering */
function stepEnv() {
  const colour = process.stdout.isTTY && process.stdout.hasColors() ? { FORCE_COLOR: '1' } : {};
  return {
    ...colour,
    ...process.env,
    PATH: [join(root, 'node_modules', '.bin'), dirname(process.execPath), process.env.PATH].join(delimiter),
  };
}

/**
 * @param {Supervisor} supervisor
 * @param {readonly Step[]} group
 * @returns {Promise<Result[]>}
 */
async function runGroup(supervisor, group) {
  if (group.length > 1 && availableParallelism() > 1) {
    // All of them, also when one throws: it is the supervisor that ends children, and it must outlive them.
    const outcomes = await Promise.allSettled(group.map((step) => runStep(supervisor, step, true)));
    return outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
  }
  const results = [];
  for (const step of group) results.push(await runStep(supervisor, step, false));
  return results;
}

/** @param {readonly Result[]} results */
function printSummary(results) {
  const lines = results.map(({ name, code, seconds }) => {
    const outcome = code === undefined ? 'not run' : code === 0 ? 'passed' : `failed (exit code ${code})`;
    return `  ${name.padEnd(12)} ${code === undefined ? ''.padStart(8) : `${seconds.toFixed(1).padStart(6)} s`}  ${outcome}`;
  });
  process.stdout.write(`\n${lines.join('\n')}\n`);
}

/**
 * @param {readonly string[]} argv
 * @param {Supervisor} supervisor
 * @returns {Promise<number>} exit code of the first step that failed
 */
async function main(argv, supervisor) {
  /** @type {Result[]} */
  const results = [];
  let failed = 0;
  for (const group of chosenGroups(argv)) {
    const run = failed === 0 ? await runGroup(supervisor, group) : group.map(notRun);
    results.push(...run);
    failed ||= run.find(({ code }) => code !== 0)?.code ?? 0;
  }
  printSummary(results);
  return failed;
}

/** @param {Step} step */
function notRun({ name }) {
  return { name, code: undefined, seconds: 0 };
}

const supervisor = new Supervisor({ log, ownGroups: false });
try {
  process.exitCode = await main(process.argv.slice(2), supervisor);
} catch (error) {
  if (!(error instanceof ToolchainError)) throw error;
  if (error.code !== 'STOPPED') log(error.message);
  process.exitCode = error.exitCode;
} finally {
  supervisor.close();
}
