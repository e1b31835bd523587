import { randomInt } from 'node:crypto';
import { constants } from 'node:os';
import { concludeRun, resultLines } from '@gatecast/delivery-check/report';
import { LogFiles } from '@gatecast/local-stack';
import { type E2eOptions, parseArguments, USAGE } from './arguments.ts';
import { ProxiedKubeApi } from './cluster/kube-api.ts';
import { Namespace } from './cluster/namespace.ts';
import { PodLogs } from './cluster/pod-logs.ts';
import { type E2eEnvironment, readEnvironment } from './environment.ts';
import { brokerValues, Release } from './release/release.ts';
import { scenarioList, scenarioTable } from './report.ts';
import { type E2eResult, runScenario } from './run-scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { Testbed } from './testbed/testbed.ts';

const EXIT_USAGE = 2;
const RELEASE_NAMESPACE = 'gatecast-e2e';
const TESTBED_NAMESPACE = 'gatecast-e2e-testbed';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Programs that were started end with this one; what is in the cluster is replaced by the next run.
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
  const environment = environmentOrUsage();
  if (environment === undefined) return EXIT_USAGE;
  const logs = await LogFiles.create('e2e');
  return concludeRun(await runAll(options, environment, logs), options, logs, (text) => console.log(text));
}

async function runAll(
  { scenarios, seed, slack, keep }: E2eOptions,
  environment: E2eEnvironment,
  logs: LogFiles,
): Promise<E2eResult[]> {
  console.log(`seed ${seed}, ${scenarios.length} scenarios`);
  await using started = new AsyncDisposableStack();
  const api = await ProxiedKubeApi.start();
  started.defer(() => api.stop());
  let current = 'start';
  const write = (file: string, line: string) => logs.write(`${current}.${file}`, `${new Date().toISOString()} ${line}`);
  const podLogs = new PodLogs(
    [RELEASE_NAMESPACE, TESTBED_NAMESPACE].map((name) => new Namespace(name, api)),
    (pod, line) => logs.write(`${current}.${pod}`, line),
  );
  started.defer(() => podLogs.stop());
  const testbed = await Testbed.start(TESTBED_NAMESPACE, api, environment, (line) => write('timeline', line));
  started.defer(() => (keep ? testbed.detach() : testbed.stop()));
  const release = new Release(RELEASE_NAMESPACE, api, environment, brokerValues(testbed.brokers, TESTBED_NAMESPACE));
  started.defer(async () => {
    if (!keep) await release.remove();
  });
  const results: E2eResult[] = [];
  for (const scenario of scenarios) {
    current = scenario.name;
    const reason = await scenario.skip?.(environment, api);
    if (reason !== undefined) {
      console.log(`skipped ${scenario.name}: ${reason}`);
      continue;
    }
    const note = (_: string, text: string) => write('timeline', text);
    const result = await runScenario(scenario, { api, environment, release, testbed, seed, slack, note });
    results.push(result);
    console.log(resultLines(result));
  }
  return results;
}

function parse(argv: readonly string[]): E2eOptions | 'help' | undefined {
  return orUsage(() => parseArguments(argv, SCENARIOS, () => randomInt(1_000_000)));
}

function environmentOrUsage(): E2eEnvironment | undefined {
  return orUsage(() => readEnvironment(process.env));
}

/** What is wrong is printed. */
function orUsage<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`${error.message}\n`);
    return undefined;
  }
}

process.exit(await main(process.argv.slice(2)));
