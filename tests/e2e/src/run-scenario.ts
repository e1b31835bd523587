import { totalsOf } from '@gatecast/delivery-check/checker';
import { seededRandom, sleep } from '@gatecast/delivery-check/load';
import type { RunResult } from '@gatecast/delivery-check/report';
import type { GroupPromises, PhaseLatency, Verdict } from '@gatecast/e2e-driver';
import type { KubeApi } from './cluster/kube-api.ts';
import type { E2eEnvironment } from './environment.ts';
import { LoadRun } from './load-run.ts';
import type { Profile, Release } from './release/release.ts';
import type { Scenario } from './scenario.ts';
import { ScenarioRun } from './scenario-run.ts';
import type { Testbed } from './testbed/testbed.ts';

export interface RunOptions {
  readonly api: KubeApi;
  readonly environment: E2eEnvironment;
  readonly release: Release;
  readonly testbed: Testbed;
  readonly seed: number;
  /** Multiplies the times that are promised; 1 on a machine of its own. */
  readonly slack: number;
  readonly note: (scenario: string, text: string) => void;
}

export interface E2eResult extends RunResult {
  readonly latency: readonly PhaseLatency[];
}

const DEADLINE_MS = 900_000;
/** A repeat that is still to come would come within this time. */
const LATE_REPEATS_MS = 1_500;
/** Handovers of a gateway that a slow machine may not finish in `drainMs`; what is in flight then is sent again. */
const HANDOVERS_CUT_SHORT = 4;
/** Of the values of one profile NATS cannot be changed into that of another. */
const FIXED = 'nats-3';

/** Runs one scenario from start to end. Never throws: what went wrong is in `broken`. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<E2eResult> {
  const began = performance.now();
  const abort = new AbortController();
  const timer = setTimeout(
    () => abort.abort(new Error('did not end within its deadline')),
    scenario.deadlineMs ?? DEADLINE_MS,
  );
  const run = new ScenarioRun({
    ...options,
    load: new LoadRun(scenario.name, options.seed, options.testbed, options.release),
    random: seededRandom(options.seed, scenario.name),
    note: (text) => options.note(scenario.name, text),
    signal: abort.signal,
  });
  const broken: string[] = [];
  let verdict: Verdict | undefined;
  try {
    if (scenario.release !== 'new') await provide(options.release, scenario.profile ?? [], run);
    verdict = await underLoad(scenario, run, broken, options.slack);
  } catch (error) {
    broken.push(messageOf(error));
  } finally {
    clearTimeout(timer);
    await run.load.end().catch((error: unknown) => broken.push(`taking the gateways away: ${messageOf(error)}`));
  }
  const allBroken = [...broken, ...run.broken, ...(verdict?.broken ?? [])];
  if (allBroken.length > 0) options.release.doubt();
  return {
    name: scenario.name,
    seconds: (performance.now() - began) / 1000,
    totals: verdict?.totals ?? totalsOf([]),
    duplicatesAllowed: verdict?.duplicatesAllowed ?? 0,
    extras: Object.fromEntries(run.extras),
    broken: allBroken,
    latency: verdict?.latency ?? [],
  };
}

/** A release with these values: the one that there is, as far as it can be used. */
async function provide(release: Release, profile: Profile, run: ScenarioRun): Promise<void> {
  const present = release.profile;
  if (present === undefined || present.includes(FIXED) !== profile.includes(FIXED)) {
    run.note(`a new release: ${profile.join(', ') || 'base'}`);
    await release.remove();
    await release.install(profile, { fresh: true });
  } else if (present.join() !== profile.join()) {
    run.note(`upgraded to: ${profile.join(', ') || 'base'}`);
    await release.upgrade(profile);
  }
  await release.ready();
}

async function underLoad(
  scenario: Scenario,
  run: ScenarioRun,
  broken: string[],
  slack: number,
): Promise<Verdict | undefined> {
  const { load, promises = {}, groups = {} } = scenario;
  const attempt = async (step: () => Promise<void>) => {
    try {
      await step();
    } catch (error) {
      broken.push(messageOf(error));
    }
  };
  if (load !== undefined) {
    await run.load.begin(load);
    await run.load.flowing();
    run.note('everything flows');
  }
  await attempt(() => scenario.steps(run));
  if (!run.load.isOpen) return undefined;
  if (broken.length === 0) await attempt(() => run.load.flowing());
  await run.load.stop();
  await attempt(() => run.load.allArrived());
  await sleep(LATE_REPEATS_MS);
  if (slack > 1) run.load.sessionLosses += HANDOVERS_CUT_SHORT;
  const slackened = Object.entries(groups).map(([group, one]) => [group, withSlack(one, slack)] as const);
  const verdict = await run.load.verdict(withSlack(promises, slack), Object.fromEntries(slackened));
  for (const [group, phases] of Map.groupBy(verdict.latency, (one) => one.group)) {
    run.extras.set(`p99 of ${group}, ms`, phases.map(({ phase, p99 }) => `${phase} ${Math.round(p99)}`).join(' / '));
  }
  const refusals = Object.entries(verdict.refusals).map(([reason, count]) => `${count} ${reason}`);
  if (refusals.length > 0) run.extras.set('refused', refusals.join(', '));
  return verdict;
}

function withSlack({ worstGapMs }: GroupPromises, slack: number): GroupPromises {
  return worstGapMs === undefined ? {} : { worstGapMs: worstGapMs * slack };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
