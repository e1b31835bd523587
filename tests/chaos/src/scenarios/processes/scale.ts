import { HANDOVER_MS, type Scenario } from '../../scenario.ts';

/** Time for a rebalancing to begin, and to end. */
const REBALANCING_MS = 6_000;

export const scale: Scenario = {
  name: 'scale',
  group: 'processes',
  title: 'one publisher becomes three, and one again: the first two leave',
  setup: { instances: { 'mqtt-publisher': 1 } },
  promises: { worstGapMs: HANDOVER_MS },
  async faults(run) {
    run.note('scale to 3');
    await Promise.all([run.stack.addInstance('mqtt-publisher'), run.stack.addInstance('mqtt-publisher')]);
    await run.lasting(REBALANCING_MS);
    await run.flowing();
    const owners = new Set(
      await Promise.all(run.gateways.map(async (gateway) => (await run.ownerOf(gateway)).instance)),
    );
    run.extras.set('owners', String(owners.size));
    run.expect(owners.size === 3, `three publishers share the gateways; ${owners.size} did`);
    for (const publisher of run.running('mqtt-publisher').slice(0, 2)) {
      run.note(`${publisher.instance} leaves`);
      await run.stack.removeInstance(publisher);
      await run.flowing();
    }
  },
};
