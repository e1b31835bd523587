import type { Scenario } from '../scenario.ts';

export const helmTest: Scenario = {
  name: 'helm-test',
  title: '`helm test`: a reading goes through to a broker in the release, and the status says so',
  ci: true,
  async steps(run) {
    const began = performance.now();
    const said = await run.release.test();
    for (const line of said.split('\n')) run.note(line);
    run.extras.set('took', `${((performance.now() - began) / 1000).toFixed(1)} s`);
  },
};
