import {
  brokenPromises,
  checkGateway,
  duplicatesAllowed,
  type GatewayFindings,
  type Promises,
  totalsOf,
} from '@gatecast/delivery-check/checker';
import { sleep } from '@gatecast/delivery-check/load';
import type { RunResult } from '@gatecast/delivery-check/report';
import type { LogFiles } from '@gatecast/local-stack';
import { type Scenario, WINDOW, WINDOWS_BEYOND_RECORD } from './scenario.ts';
import type { ScenarioRun } from './scenario-run.ts';
import { startRun } from './start-run.ts';

const DEADLINE_MS = 150_000;
const SETTLE_MS = 60_000;
/** A repeat that is still to come would come within this time. */
const LATE_REPEATS_MS = 1_500;
/** For stopping everything: the services have 5 s each, in four steps. */
const STOP_DEADLINE_MS = 30_000;

export interface RunOptions {
  readonly seed: number;
  /** Multiplies the times that are promised; 1 on a machine of its own. */
  readonly slack: number;
  readonly logs: LogFiles;
}

/** Runs one scenario from start to end. Never throws: what went wrong is in `broken`. */
export async function runScenario(scenario: Scenario, { seed, slack, logs }: RunOptions): Promise<RunResult> {
  const began = performance.now();
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), scenario.setup?.deadlineMs ?? DEADLINE_MS);
  const started = new AsyncDisposableStack();
  const broken: string[] = [];
  let run: ScenarioRun | undefined;
  let findings: GatewayFindings[] = [];
  try {
    run = await startRun({ scenario, seed, slack, logs, signal: abort.signal, started });
    findings = await damageAndCheck(scenario, run, broken, logs);
  } catch (error) {
    broken.push(abort.signal.aborted ? 'did not end within its deadline' : messageOf(error));
  } finally {
    clearTimeout(timer);
    abort.abort();
    await stopAll(started, broken);
  }
  let allowed = 0;
  for (const [index, gateway] of findings.entries()) {
    const promises = promisesOf(scenario, run, index);
    allowed += duplicatesAllowed(gateway.qos, promises.duplicates);
    broken.push(...brokenPromises(gateway, promises));
  }
  return {
    name: scenario.name,
    seconds: (performance.now() - began) / 1000,
    totals: totalsOf(findings),
    duplicatesAllowed: allowed,
    extras: Object.fromEntries(run?.extras ?? []),
    broken: [...broken, ...(run?.broken ?? [])],
  };
}

async function damageAndCheck(
  scenario: Scenario,
  run: ScenarioRun,
  broken: string[],
  logs: LogFiles,
): Promise<GatewayFindings[]> {
  const tryTo = async (step: () => Promise<void>) => {
    try {
      await step();
    } catch (error) {
      broken.push(messageOf(error));
    }
  };
  run.load.start();
  try {
    await run.flowing();
    await tryTo(() => scenario.faults(run));
    await tryTo(() => run.flowing());
  } finally {
    await run.load.stop();
  }
  await tryTo(() => run.allArrived(scenario.setup?.settleMs ?? SETTLE_MS));
  await sleep(LATE_REPEATS_MS);
  const evidence = await run.evidence();
  const violations = run.brokers.flatMap((broker) => broker.violations());
  if (violations.length > 0) broken.push(`${violations.length} violations of MQTT, the first: ${violations[0]}`);
  for (const { gatewayId, delivered } of evidence) {
    for (const { n, time } of delivered)
      logs.write(`${scenario.name}.delivered`, `${new Date(time).toISOString()} ${gatewayId} ${n}`);
  }
  return evidence.map(checkGateway);
}

/** Of the gateway at this place: findings are in the order of the run's gateways. */
function promisesOf({ setup, promises }: Scenario, run: ScenarioRun | undefined, index: number): Promises {
  const broker = run?.gateways[index]?.broker;
  const own = broker && setup?.brokers?.[run?.brokers.indexOf(broker) ?? -1]?.promises;
  const stated = own ?? promises;
  return {
    ...stated,
    worstGapMs: stated?.worstGapMs && run && stated.worstGapMs * run.slack,
    duplicates: {
      window: WINDOW,
      windowsBeyondRecord: WINDOWS_BEYOND_RECORD,
      crashes: run?.crashes ?? 0,
      sessionLosses: broker ? (run?.sessionLossesAt(broker) ?? 0) : 0,
      brokerForgot: broker ? (run?.forgottenAt(broker) ?? 0) : 0,
    },
  };
}

async function stopAll(started: AsyncDisposableStack, broken: string[]): Promise<void> {
  const stopped = started.disposeAsync().then(
    () => 'stopped' as const,
    (error: unknown) => broken.push(`stopping: ${messageOf(error)}`),
  );
  const deadline = new AbortController();
  const outcome = await Promise.race([stopped, sleep(STOP_DEADLINE_MS, deadline.signal)]);
  deadline.abort();
  if (outcome === undefined) broken.push(`did not stop within ${STOP_DEADLINE_MS / 1000} s`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
