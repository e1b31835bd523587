import type { ServiceInstance } from '@gatecast/local-stack';
import { LEASE_TTL_MS, type Scenario } from '../../scenario.ts';
import type { ChaosGateway, ScenarioRun } from '../../scenario-run.ts';

const FLEET = 'second';

interface OldFleet {
  readonly suffix: string;
  readonly title: string;
  /** What happens to the publishers of the old fleet before the move, and after it. */
  before(run: ScenarioRun, publishers: readonly ServiceInstance[]): Promise<void>;
  after(run: ScenarioRun, publishers: readonly ServiceInstance[]): Promise<void>;
}

function fleetMove({ suffix, title, before, after }: OldFleet): Scenario {
  return {
    name: `fleet-move-${suffix}`,
    group: 'changes',
    title,
    setup: { instances: { 'mqtt-publisher': 2 }, fleets: { [FLEET]: 1 } },
    async faults(run) {
      const publishers = run.running('mqtt-publisher').filter(({ fleet }) => fleet === undefined);
      await before(run, publishers);
      const moved = run.gateways.slice(0, 6);
      run.note('the move');
      await Promise.all(moved.map(({ gatewayId }) => run.stack.api.patchGateway(gatewayId, { fleet: FLEET })));
      await run.flowing(10, moved);
      await haveArrived(run, moved);
      await after(run, publishers);
      await run.flowing();
    },
  };
}

async function haveArrived(run: ScenarioRun, moved: readonly ChaosGateway[]): Promise<void> {
  for (const { gatewayId } of moved) {
    const hasArrived = async () => (await run.stack.api.getGateway(gatewayId)).value.movingFrom === undefined;
    await run.until(hasArrived, `${gatewayId} to arrive in its new fleet`);
  }
}

const each = async (publishers: readonly ServiceInstance[], act: (one: ServiceInstance) => unknown) => {
  await Promise.all(publishers.map(act));
};

export const fleetMoveAlive = fleetMove({
  suffix: 'alive',
  title: 'gateways are moved to another fleet under load',
  before: async () => undefined,
  after: async () => undefined,
});

export const fleetMoveDead = fleetMove({
  suffix: 'dead',
  title: 'gateways are moved to another fleet while all publishers of the old one are dead; they come back later',
  async before(run, publishers) {
    run.crashed('kill -9 of the old fleet');
    await each(publishers, ({ process }) => process.kill('SIGKILL'));
  },
  after: async (_, publishers) => each(publishers, ({ process }) => process.restart()),
});

export const fleetMovePaused = fleetMove({
  suffix: 'paused',
  title: 'gateways are moved to another fleet while all publishers of the old one hang; they go on later',
  async before(run, publishers) {
    run.crashed('SIGSTOP to the old fleet');
    await each(publishers, ({ process }) => process.pause());
    await run.lasting(LEASE_TTL_MS);
  },
  async after(run, publishers) {
    await each(publishers, ({ process }) => process.resume());
    await run.lasting(LEASE_TTL_MS);
  },
});
