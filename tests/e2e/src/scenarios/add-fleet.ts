import { podsOf } from '../release/selectors.ts';
import { PLANNED_MS, type Scenario } from '../scenario.ts';

const FLEET = 'third';

export const addFleet: Scenario = {
  name: 'add-fleet',
  title: 'a fleet is added by its values, gateways are moved to it and back, and it is removed',
  load: {
    moved: { gateways: 8 },
    staying: { gateways: 8 },
  },
  groups: { staying: { worstGapMs: PLANNED_MS } },
  async steps(run) {
    const moved = run.load.gatewaysOf('moved');
    await run.release.upgrade(['third']);
    await run.load.move(moved, FLEET);
    await run.load.flowing();
    const owners = await run.load.owners();
    const pods = new Set(await run.release.podNames('mqtt-publisher', FLEET));
    run.expect(
      moved.every((gatewayId) => pods.has(owners[gatewayId] ?? '')),
      `gateways that were moved are served by the publishers of ${FLEET}`,
    );

    const early = await run.load.api({ method: 'DELETE', path: `/v1/fleets/${FLEET}` });
    run.expect(early.status === 409, `a fleet in use is not removed; it was answered ${early.status}`);

    await run.load.move(moved, 'default');
    await run.load.flowing();
    await run.release.upgrade([]);
    const left = await run.release.namespace.pods(podsOf('mqtt-publisher', FLEET));
    run.expect(left.length === 0, `no publisher of ${FLEET} is left`);
    const removed = await run.load.api({ method: 'DELETE', path: `/v1/fleets/${FLEET}` });
    run.expect(removed.status === 200, `the fleet is removed; it was answered ${removed.status}`);
  },
};
