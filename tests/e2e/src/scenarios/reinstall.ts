import { inventory } from '../cluster/inventory.ts';
import { RELEASE } from '../release/selectors.ts';
import type { Scenario } from '../scenario.ts';
import type { ScenarioRun } from '../scenario-run.ts';

const GONE_TIMEOUT_MS = 120_000;
const LABEL = `app.kubernetes.io/instance=${RELEASE}`;
/** Without them, what is stored could not be read again. */
const KEPT_SECRETS = ['api-key', 'nats-users', 'sealing', 'sealing-key-1'].map((name) => `Secret/${RELEASE}-${name}`);

export const reinstall: Scenario = {
  name: 'reinstall',
  title: '`helm uninstall` leaves volumes and generated Secrets and nothing else; a new release goes on with them',
  ci: true,
  release: 'new',
  async steps(run) {
    const { release, load, testbed } = run;
    await release.namespace.create();
    const before = new Set(await inventory(run.api, release.namespace.name, LABEL));
    await release.install([], { fresh: false });
    await release.ready();
    await load.begin({ sealed: { gateways: 8, broker: 'guarded' } });
    await load.register({ waiting: { gateways: 8 } });
    await testbed.brokerAway('open');
    await load.start('waiting');
    await run.lasting(10_000);

    run.crashed('the release is uninstalled');
    await release.uninstall();
    await onlyDataIsLeft(run, before);

    run.note('the release is installed again');
    await release.install([], { fresh: false });
    await release.ready();
    await load.flowing(5, 'sealed'); // its passwords could be opened
    await testbed.brokerBack('open');
    await load.flowing();
  },
};

async function onlyDataIsLeft(run: ScenarioRun, before: ReadonlySet<string>): Promise<void> {
  const { name } = run.release.namespace;
  let unwanted: string[] = [];
  let left: string[] = [];
  const isExpected = (item: string) => item.startsWith('PersistentVolumeClaim/') || KEPT_SECRETS.includes(item);
  try {
    await run.until(
      async () => {
        left = (await inventory(run.api, name, LABEL)).filter((item) => !before.has(item));
        unwanted = left.filter((item) => !isExpected(item));
        return unwanted.length === 0;
      },
      () => `nothing but data to be left; there is ${unwanted}`,
      GONE_TIMEOUT_MS,
    );
  } finally {
    run.note(`left: ${left.join(', ')}`);
  }
  run.expect(
    left.some((item) => item.startsWith('PersistentVolumeClaim/')),
    'the volumes of NATS are left',
  );
  for (const secret of KEPT_SECRETS) run.expect(left.includes(secret), `${secret} is left`);
  run.extras.set('left', String(left.length));
}
