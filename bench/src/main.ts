import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type BenchOptions, parseArguments, USAGE, UsageError } from './arguments.ts';
import { type Environment, renderMarkdown, renderText } from './reporting/report.ts';
import { runSections } from './runner.ts';
import { SECTIONS } from './sections.ts';

const argv = process.argv.slice(2);
// Processes and directories of a run that is broken off are removed when this one exits.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

// Not left to Node: at the end of a run with many reset connections 26.10 was seen to close handles for ever.
process.exit(await main());

async function main(): Promise<number> {
  try {
    const options = parseArguments(argv);
    if (options !== undefined) return await bench(options);
    console.log(USAGE);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    return 2;
  }
}

/** 1 when a section could not be measured; a target that is missed is a result like any other. */
async function bench(options: BenchOptions): Promise<number> {
  buildServices();
  const environment = describeMachine(options);
  const wanted = SECTIONS.filter(({ name }) => options.only.includes(name));
  const outcomes = await runSections(wanted, options, (line) => console.error(`bench: ${line}`));
  const json = JSON.stringify(
    {
      environment,
      sections: Object.fromEntries(outcomes.map(({ name, seconds, result }) => [name, { seconds, result }])),
    },
    undefined,
    2,
  );
  if (options.json === '-') console.log(json);
  else {
    if (options.json !== undefined) writeFileSync(options.json, `${json}\n`);
    const render = options.markdown ? renderMarkdown : renderText;
    process.stdout.write(
      render(
        outcomes.map(({ rendered }) => rendered),
        environment,
      ),
    );
  }
  return outcomes.every(({ result }) => result !== undefined) ? 0 : 1;
}

/** What is measured is what an image holds. */
function buildServices(): void {
  const tsc = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url));
  execFileSync(tsc, ['--build'], { stdio: ['ignore', 2, 2] });
}

function describeMachine({ quick, syncAlways }: BenchOptions): Environment {
  const models = cpus();
  return {
    node: process.versions.node,
    cpus: `${models.length} × ${models[0]?.model.trim() || 'unknown CPU'}`,
    loadBefore: loadavg()[0] ?? Number.NaN,
    quick,
    syncAlways,
    commit: commitOf(),
  };
}

function commitOf(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}
