import { PLANNED_MS, type Scenario } from '../scenario.ts';
import type { ScenarioRun } from '../scenario-run.ts';

const FLEET = 'second';
const MEASURED_MS = 30_000;
const SHARED_TIMEOUT_MS = 120_000;
const UNNOTICED_MS = 1_000;

export const scaleFleet: Scenario = {
  name: 'scale-fleet',
  title:
    'the publishers of one fleet are scaled from 1 to 3 and to 1 again, by one value; another fleet does not notice',
  ci: true,
  load: {
    scaled: { gateways: 24, fleet: FLEET },
    beside: { gateways: 24 },
  },
  groups: { scaled: { worstGapMs: PLANNED_MS }, beside: { worstGapMs: UNNOTICED_MS } },
  async steps(run) {
    await run.load.phase('before');
    await run.lasting(MEASURED_MS);

    await run.load.phase('during');
    run.note('scale to 3');
    await run.release.upgrade(['second-3']);
    await sharedBy(run, 3);
    await run.load.flowing();
    run.note('scale to 1');
    await run.release.upgrade([]);
    await sharedBy(run, 1);
    await run.load.flowing();

    await run.load.phase('after');
    await run.lasting(MEASURED_MS);
  },
};

/**
 * Waits until so many publishers are there and share the gateways of the fleet. Not until each has a gateway: the names of
 * the pods decide who owns what, and with 16 partitions one of three may own none.
 */
async function sharedBy(run: ScenarioRun, publishers: number): Promise<void> {
  const gateways = run.load.gatewaysOf('scaled');
  let pods = new Set<string>();
  let owners = new Set<string>();
  await run.until(
    async () => {
      pods = new Set(await run.release.podNames('mqtt-publisher', FLEET));
      const all = await run.load.owners();
      owners = new Set(gateways.map((gatewayId) => all[gatewayId] ?? 'nobody'));
      return pods.size === publishers && owners.size >= Math.min(publishers, 2) && owners.isSubsetOf(pods);
    },
    () =>
      `${publishers} publishers to share the fleet; there are ${[...pods]}, and gateways are served by ${[...owners]}`,
    SHARED_TIMEOUT_MS,
  );
}
