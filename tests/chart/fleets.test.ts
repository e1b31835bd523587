import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { helm, tools } from './scenarios.ts';
import { CHART, type Values } from './src/helm.ts';
import type { WorkloadSpec } from './src/kubernetes.ts';
import { Release } from './src/release.ts';
import { rules } from './src/rules/index.ts';
import { settingsOf } from './src/settings.ts';

const north = async (values: Values, fleetDefaults: Values = {}): Promise<Release> =>
  Release.parse(await helm.template({ values: { fleets: { default: {}, north: values }, fleetDefaults } }));

function deploymentOf(release: Release, fleet: string): WorkloadSpec {
  const deployment = release.find('Deployment', `gatecast-mqtt-publisher-${fleet}`);
  if (deployment === undefined) throw new Error(`there is no Deployment of ${fleet}`);
  return deployment.spec as WorkloadSpec;
}

describe.skipIf(tools.helm === null)('a fleet', () => {
  it('has publishers of its own, who serve it and nobody else', async () => {
    const release = await north({ replicas: 3 });
    const publishers = settingsOf(release).filter(({ service }) => service === 'mqtt-publisher');
    expect(publishers.map(({ pod, config }) => [pod.id, config?.fleet])).toEqual([
      ['Deployment/gatecast-mqtt-publisher-default', 'default'],
      ['Deployment/gatecast-mqtt-publisher-north', 'north'],
    ]);
    expect(deploymentOf(release, 'north').replicas).toBe(3);
    expect(deploymentOf(release, 'default').replicas).toBe(1);
  });

  it('is known to the config API, which makes its streams', async () => {
    const release = await north({});
    const api = settingsOf(release).find(({ service }) => service === 'config-api');
    expect(api?.config).toMatchObject({ fleets: 'default,north', defaultFleet: 'default' });
  });

  it('takes what it does not say from fleetDefaults', async () => {
    const release = await north(
      { replicas: 2 },
      { nodeSelector: { pool: 'edge' }, resources: { limits: { memory: '1Gi' } } },
    );
    const { spec } = deploymentOf(release, 'north').template;
    expect(spec).toMatchObject({ nodeSelector: { pool: 'edge' } });
    expect(spec.containers[0]?.resources).toEqual({
      requests: { cpu: '100m', memory: '256Mi' },
      limits: { memory: '1Gi' },
    });
  });

  // Merging of maps in templates is known to leave out what is empty.
  it.each<[what: string, values: Values, check: (release: Release) => unknown, expected: unknown]>([
    ['no publisher', { replicas: 0 }, (release) => deploymentOf(release, 'north').replicas, 0],
    [
      'no budget',
      { pdb: { enabled: false } },
      (release) => release.find('PodDisruptionBudget', 'gatecast-mqtt-publisher-north'),
      undefined,
    ],
    [
      'no flags',
      { nodeFlags: [] },
      (release) => deploymentOf(release, 'north').template.spec.containers[0]?.command,
      undefined,
    ],
    [
      'no spread',
      { topologySpread: { topologyKeys: [] } },
      (release) => deploymentOf(release, 'north').template.spec.topologySpreadConstraints,
      undefined,
    ],
    [
      'no wait',
      { minReadySeconds: 0 },
      (release) => (deploymentOf(release, 'north') as { minReadySeconds?: number }).minReadySeconds ?? 0,
      0,
    ],
    [
      'no scaler where the others have one',
      { autoscaling: { hpa: { enabled: false } } },
      (release) => release.ofKind('HorizontalPodAutoscaler').map(({ metadata }) => metadata.name),
      ['gatecast-mqtt-publisher-default'],
    ],
    [
      'scaling by sessions alone',
      { autoscaling: { hpa: { enabled: true, cpuPercent: null, sessionsPerPod: 1000 } } },
      (release) => metricsOf(release, 'north'),
      ['gatecast_publisher_sessions'],
    ],
  ])('can have %s of its own', async (what, values, check, expected) => {
    const defaults = what.includes('where the others') ? { autoscaling: { hpa: { enabled: true } } } : {};
    expect(check(await north(values, defaults))).toEqual(expected);
  });

  it('is scaled by what it does for brokers that are connected', async () => {
    const release = await north({
      autoscaling: { hpa: { enabled: true, sessionsPerPod: 3000, connectedLagPerPod: 5000 } },
    });
    expect(metricsOf(release, 'north')).toEqual([
      'cpu',
      'gatecast_publisher_sessions',
      'gatecast_publisher_connected_lag_messages',
    ]);
    expect(Object.entries(rules).flatMap(([, rule]) => rule(release))).toEqual([]);
  });

  it('is scaled by metrics that publishers have', async () => {
    const keda = { enabled: true, serverAddress: 'http://prometheus:9090', sessionsPerPod: 1, connectedLagPerPod: 1 };
    const hpa = { enabled: true, cpuPercent: null, sessionsPerPod: 1, connectedLagPerPod: 1 };
    const fleets = { default: { autoscaling: { hpa } }, north: { autoscaling: { keda } } };
    const release = Release.parse(await helm.template({ values: { fleets } }));
    const used = new Set(
      JSON.stringify(release.ofKind('HorizontalPodAutoscaler', 'ScaledObject')).match(/gatecast_\w+/g),
    );
    // A test compares that page with what the services export.
    const page = readFileSync(join(CHART, '../../docs/telemetry.md'), 'utf8');
    expect(used.size).toBe(2);
    for (const metric of used) expect(page).toContain(`\`${metric}\``);
  });

  it('is scaled by KEDA, whose query finds its pods whatever their names', async () => {
    const name = 'x'.repeat(40);
    const keda = { enabled: true, serverAddress: 'http://prometheus:9090', sessionsPerPod: 3000 };
    const values = { fleets: { default: {}, [name]: { autoscaling: { keda } } } };
    const release = Release.parse(await helm.template({ values }));
    const [scaler] = release.ofKind('ScaledObject');
    const { scaleTargetRef, triggers } = scaler!.spec as {
      scaleTargetRef: { name: string };
      triggers: { metadata: { query: string } }[];
    };
    // A Deployment's pods: its name, a hash of 10 and 5 more characters, cut to 63 in front of the last five.
    const podName = `${`${scaleTargetRef.name}-7c9d8f6b5d-`.slice(0, 58)}abcde`;
    for (const { metadata } of triggers) {
      const pattern = /pod=~"([^"]*)"/.exec(metadata.query)?.[1];
      if (pattern !== undefined) expect(podName).toMatch(new RegExp(`^${pattern}$`));
    }
    expect(Object.entries(rules).flatMap(([, rule]) => rule(release))).toEqual([]);
  });

  it('may have a long name in a release with a long name', async () => {
    const fleets = { default: {}, ['x'.repeat(40)]: { replicas: 2 }, [`${'x'.repeat(39)}y`]: {} };
    const release = Release.parse(await helm.template({ values: { fleets }, release: `gatecast-${'r'.repeat(30)}` }));
    expect(Object.entries(rules).flatMap(([, rule]) => rule(release))).toEqual([]);
    expect(release.ofKind('Deployment')).toHaveLength(6);
  });

  it('comes with little: three fit into the defaults', async () => {
    const values = { fleets: { default: {}, north: {}, south: {} } };
    expect(await helm.tryTemplate({ values })).toMatchObject({ code: 0 });
  });
});

function metricsOf(release: Release, fleet: string): (string | undefined)[] {
  const scaler = release.find('HorizontalPodAutoscaler', `gatecast-mqtt-publisher-${fleet}`);
  const { metrics } = scaler!.spec as {
    metrics: { resource?: { name: string }; pods?: { metric: { name: string } } }[];
  };
  return metrics.map(({ resource, pods }) => resource?.name ?? pods?.metric.name);
}
