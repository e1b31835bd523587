import type { Scenario } from '../scenario.ts';

const FIRST_DELIVERY_MS = 60_000;

export const install: Scenario = {
  name: 'install',
  title: 'from `helm install` in an empty namespace to the first delivered reading',
  ci: true,
  release: 'new',
  async steps(run) {
    await run.release.namespace.create();
    const began = performance.now();
    const sinceBegin = () => performance.now() - began;
    await run.release.install([], { fresh: false });
    run.note('handed in');
    await run.load.begin({
      open: { gateways: 2 },
      guarded: { gateways: 2, broker: 'guarded' },
      outside: { gateways: 2, broker: 'outside' },
    });
    await run.load.flowing(1);
    run.expectWithin('to the first delivery', sinceBegin(), FIRST_DELIVERY_MS);
    await run.release.ready();
    run.extras.set('to all ready', `${(sinceBegin() / 1000).toFixed(1)} s`);
  },
};
