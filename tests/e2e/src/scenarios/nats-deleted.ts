import { podsOf } from '../release/selectors.ts';
import type { Scenario } from '../scenario.ts';
import type { ScenarioRun } from '../scenario-run.ts';

const LOAD = {
  default: { gateways: 16 },
  exactly: { gateways: 4, qos: 2 },
} as const;
const SERVERS = 3;

/** Never at once: two servers on one volume are what Kubernetes warns of. A crash of NATS is tried by `npm run chaos`. */
async function deleteNats(run: ScenarioRun, pod: string): Promise<void> {
  run.crashed(`${pod} is deleted`);
  await run.release.namespace.deletePod(pod);
  await run.load.flowing();
  await run.release.rolledOut(podsOf('nats'));
  run.note(`${pod} is back`);
  await run.load.flowing();
}

export const natsDeleted: Scenario = {
  name: 'nats-deleted',
  title: 'the only NATS pod is deleted, twice',
  ci: true,
  load: LOAD,
  async steps(run) {
    for (let round = 0; round < 2; round += 1) await deleteNats(run, await run.release.pod('nats'));
  },
};

export const natsServerDeleted: Scenario = {
  name: 'nats-server-deleted',
  title: 'of three NATS pods each is deleted, one after another',
  profile: ['nats-3'],
  load: LOAD,
  // Leaders of streams are elected anew.
  promises: { worstGapMs: 15_000 },
  async steps(run) {
    const pods = await run.release.podNames('nats');
    run.expect(pods.length === SERVERS, `three NATS servers; there are ${pods.length}`);
    for (const pod of pods) await deleteNats(run, pod);
  },
};
