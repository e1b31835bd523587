import { SERVICES } from '../release/selectors.ts';
import { PLANNED_MS, type Scenario } from '../scenario.ts';
import type { ScenarioRun } from '../scenario-run.ts';

const PACE = { perRequest: 1, intervalMs: 2_000 };

export const upgrade: Scenario = {
  name: 'upgrade',
  title: '`helm upgrade` to the next version, and `helm rollback`, with 200 gateways; NATS goes on',
  ci: true,
  load: {
    default: { gateways: 150, pace: PACE },
    second: { gateways: 50, pace: PACE, fleet: 'second', broker: 'guarded' },
  },
  promises: { worstGapMs: PLANNED_MS },
  skip: async ({ nextTag }) => (nextTag === undefined ? 'GATECAST_IMAGE_NEXT_TAG names no next version' : undefined),
  async steps(run) {
    const { tag, nextTag = '' } = run.environment;
    const nats = await uidsOfNats(run);
    await run.load.phase('upgrade');
    let began = performance.now();
    await run.release.upgrade([], nextTag);
    run.extras.set('upgrade took', `${((performance.now() - began) / 1000).toFixed(0)} s`);
    await expectVersion(run, nextTag);
    await run.load.flowing();

    await run.load.phase('rollback');
    began = performance.now();
    await run.release.rollback();
    run.extras.set('rollback took', `${((performance.now() - began) / 1000).toFixed(0)} s`);
    await expectVersion(run, tag);
    await run.load.flowing();
    run.expect((await uidsOfNats(run)) === nats, 'NATS is left alone');
  },
};

async function uidsOfNats(run: ScenarioRun): Promise<string> {
  return (await run.release.pods('nats')).map(({ metadata }) => metadata.uid).join();
}

async function expectVersion(run: ScenarioRun, tag: string): Promise<void> {
  for (const service of SERVICES) {
    const pods = await run.release.pods(service);
    const images = pods.flatMap(({ spec }) => spec.containers.map(({ image }) => image));
    run.expect(images.length > 0 && images.every((image) => image.endsWith(`:${tag}`)), `${service} is of ${tag}`);
  }
}
