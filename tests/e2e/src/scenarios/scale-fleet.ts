import { PLANNED_MS, type Scenario } from '../scenario.ts';
import type { ScenarioRun } from '../scenario-run.ts';

const MEASURED_MS = 30_000;
const SHARED_TIMEOUT_MS = 120_000;
const UNNOTICED_MS = 1_000;

export const scaleFleet: Scenario = {
  name: 'scale-fleet',
  title:
    'the publishers of one fleet are scaled from 1 to 3 and to 1 again, by one value; another fleet does not notice',
  ci: true,
  load: {
    scaled: { gateways: 24, fleet: 'second' },
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

/** Waits until so many publishers serve the gateways of the fleet. */
async function sharedBy(run: ScenarioRun, publishers: number): Promise<void> {
  const gateways = run.load.gatewaysOf('scaled');
  let owners = new Set<string | undefined>();
  await run.until(
    async () => {
      const all = await run.load.owners();
      owners = new Set(gateways.map((gatewayId) => all[gatewayId]));
      return owners.size === publishers;
    },
    () => `${publishers} publishers to share the fleet; there are ${[...owners]}`,
    SHARED_TIMEOUT_MS,
  );
}
