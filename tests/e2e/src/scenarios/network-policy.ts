import type { Namespace } from '../cluster/namespace.ts';
import { CLOSED, type Probe, runProbes } from '../cluster/probe.ts';
import { imageOf } from '../environment.ts';
import { podsOf, SERVICES } from '../release/selectors.ts';
import type { Scenario } from '../scenario.ts';
import type { ScenarioRun } from '../scenario-run.ts';
import { DRIVER } from '../testbed/driver-resources.ts';
import { RESTRICTED_CONTAINER, RESTRICTED_POD } from '../testbed/restricted.ts';

const ADMIN = 9090;
const NATS = 4222;
const MONITORING = 8222;
const KUBELET = 10250;
const STRANGER = 'stranger';
const STRANGER_TIMEOUT_MS = 60_000;

export const networkPolicy: Scenario = {
  name: 'network-policy',
  title: 'who may not reach something does not: strangers, services among themselves, the cluster’s API',
  ci: true,
  async steps(run) {
    await withStranger(run, async () => {
      const probes = await probesOf(run);
      const wrong = await runProbes(probes, run.note);
      for (const text of wrong) run.expect(false, text);
      run.extras.set('tried', String(probes.length));
    });
  },
};

/** A pod of nobody in the release's namespace. */
async function withStranger(run: ScenarioRun, act: () => Promise<void>): Promise<void> {
  const { namespace } = run.release;
  await namespace.apply([
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: STRANGER, labels: { app: STRANGER } },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        securityContext: RESTRICTED_POD,
        containers: [
          {
            name: STRANGER,
            image: imageOf(run.environment, DRIVER),
            command: ['node', '-e', 'setInterval(() => {}, 60_000)'],
            securityContext: RESTRICTED_CONTAINER,
          },
        ],
      },
    },
  ]);
  try {
    await run.until(
      async () => (await namespace.readyPods({ app: STRANGER })).length === 1,
      'the stranger to be ready',
      STRANGER_TIMEOUT_MS,
    );
    await run.lasting(2_000); // a new pod's rules may take a moment
    await act();
  } finally {
    await namespace.deletePod(STRANGER);
  }
}

async function probesOf(run: ScenarioRun): Promise<Probe[]> {
  const { release, testbed } = run;
  const { host: broker, port: mqtt } = testbed.broker('open');
  const nats = await addressOf(release.namespace, podsOf('nats'));
  const hostOf = (url: string) => new URL(url).hostname;
  const api = { what: 'config-api', host: hostOf(release.apiUrl), port: 8080 };
  const ingest = { what: 'sensor-ingest', host: hostOf(release.ingestUrl), port: 8080 };
  const natsClients = { what: 'NATS', host: nats.ip, port: NATS };
  const natsMonitoring = { what: 'the monitoring of NATS', host: nats.ip, port: MONITORING };
  const brokers = { what: 'a broker', host: broker, port: mqtt };
  const kubernetes = { what: 'the API of Kubernetes', host: 'kubernetes.default.svc.cluster.local', port: 443 };
  const kubelet = { what: 'the kubelet', host: nats.hostIp, port: KUBELET };
  const admins = await Promise.all(
    SERVICES.map(async (service) => ({
      what: `the admin port of ${service}`,
      host: (await addressOf(release.namespace, podsOf(service))).ip,
      port: ADMIN,
    })),
  );

  const from = async (service: (typeof SERVICES)[number]) => ({
    name: service,
    namespace: release.namespace,
    pod: await release.pod(service),
  });
  const outsider = { name: 'a pod elsewhere', namespace: testbed.namespace, pod: await testbed.driverPod() };
  const stranger = { name: 'a stranger beside', namespace: release.namespace, pod: STRANGER };
  const open = 'open';
  const table: (readonly [Probe['from'], Probe['to'], Probe['expected']])[] = [
    // Without these nothing below would mean anything: it is there, and only the policies decide.
    [outsider, kubernetes, open],
    [outsider, brokers, open],
    [outsider, api, open],
    [outsider, ingest, open],
  ];
  for (const source of [outsider, stranger]) {
    for (const target of [natsClients, natsMonitoring, ...admins]) table.push([source, target, CLOSED]);
  }
  for (const service of SERVICES) {
    const source = await from(service);
    table.push([source, natsClients, open]);
    for (const target of [natsMonitoring, kubernetes, kubelet]) table.push([source, target, CLOSED]);
    table.push([source, brokers, service === 'mqtt-publisher' ? open : CLOSED]);
    if (service !== 'config-api') table.push([source, api, CLOSED]);
    if (service !== 'sensor-ingest') table.push([source, ingest, CLOSED]);
  }
  return table.map(([source, to, expected]) => ({ from: source, to, expected }));
}

async function addressOf(
  namespace: Namespace,
  labels: Readonly<Record<string, string>>,
): Promise<{ ip: string; hostIp: string }> {
  const [pod] = await namespace.readyPods(labels);
  return { ip: pod?.status.podIP ?? '', hostIp: pod?.status.hostIP ?? '' };
}
