import { randomInt } from 'node:crypto';
import { constants } from 'node:os';
import { concludeRun, type RunResult, resultLines } from '@gatecast/delivery-check/report';
import { LogFiles } from '@gatecast/local-stack';
import { mosquittoOrSkip } from '@gatecast/shared/testing';
import { type ChaosOptions, parseArguments, USAGE } from './arguments.ts';
import { scenarioList, scenarioTable } from './report.ts';
import { runScenario } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';

const EXIT_USAGE = 2;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Everything that was started is killed when this process exits.
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

/** @returns the exit code: 1 when a promise was broken */
async function main(argv: readonly string[]): Promise<number> {
  const options = parse(argv);
  if (options === 'help' || options === undefined) {
    (options ? process.stdout : process.stderr).write(USAGE);
    return options ? 0 : EXIT_USAGE;
  }
  if (options.list) {
    console.log((options.markdown ? scenarioTable : scenarioList)(options.scenarios));
    return 0;
  }
  const logs = await LogFiles.create('chaos');
  return concludeRun(await runAll(options, logs), options, logs, (text) => console.log(text));
}

async function runAll({ scenarios, seed, slack }: ChaosOptions, logs: LogFiles): Promise<RunResult[]> {
  console.log(`seed ${seed}, ${scenarios.length} scenarios`);
  const hasMosquitto = !scenarios.some(needsMosquitto) || mosquittoOrSkip((line) => console.log(line)) !== undefined;
  const results: RunResult[] = [];
  for (const scenario of scenarios) {
    if (!hasMosquitto && needsMosquitto(scenario)) {
      console.log(`skipped ${scenario.name}`);
      continue;
    }
    const result = await runScenario(scenario, { seed, slack, logs });
    results.push(result);
    console.log(resultLines(result));
  }
  return results;
}

function needsMosquitto({ setup }: Scenario): boolean {
  return setup?.brokers?.some(({ kind }) => kind === 'mosquitto') ?? false;
}

function parse(argv: readonly string[]): ChaosOptions | 'help' | undefined {
  try {
    return parseArguments(argv, SCENARIOS, () => randomInt(1_000_000));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`${error.message}\n`);
    return undefined;
  }
}

// Not left to Node: at the end of a run with many reset connections 26.10 was seen to close handles for ever.
process.exit(await main(process.argv.slice(2)));
