import { SERVICES } from '../release/selectors.ts';
import { PLANNED_MS, type Scenario, TAKEOVER_MS } from '../scenario.ts';
import type { ScenarioRun } from '../scenario-run.ts';

const ROUNDS = 8;
/** A fleet of a single publisher waits for its next one to start. */
const START_MS = 6_000;
const LOAD = {
  default: { gateways: 16 },
  second: { gateways: 8, fleet: 'second', broker: 'guarded' },
  exactly: { gateways: 4, qos: 2 },
  outside: { gateways: 4, broker: 'outside' },
} as const;

/** Every service once, then by chance; each time until it has its pods again and readings flow. */
async function deletePods(run: ScenarioRun, force: boolean): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const service = SERVICES[round] ?? run.pick(SERVICES);
    const { name } = run.pick(await run.release.pods(service)).metadata;
    const what = `${name} is deleted${force ? ' at once' : ''}`;
    // Only a publisher can leave behind what was acknowledged and not recorded.
    if (force && service === 'mqtt-publisher') run.crashed(what);
    else run.note(what);
    await run.release.namespace.deletePod(name, { force });
    await run.release.ready();
    await run.load.flowing();
  }
}

export const podsDeleted: Scenario = {
  name: 'pods-deleted',
  title: 'pods of every service are deleted, by chance, one after another',
  ci: true,
  load: LOAD,
  promises: { worstGapMs: PLANNED_MS },
  groups: { second: { worstGapMs: START_MS } },
  steps: (run) => deletePods(run, false),
};

export const podsKilled: Scenario = {
  name: 'pods-killed',
  title: 'the same without a grace period: a second or two are left to hand over in',
  load: LOAD,
  promises: { worstGapMs: TAKEOVER_MS },
  steps: (run) => deletePods(run, true),
};
