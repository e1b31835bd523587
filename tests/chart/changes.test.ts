import { describe, expect, it } from 'vitest';
import { differences, helm, install, tools } from './scenarios.ts';
import { copyOfChart } from './src/copy-of-chart.ts';
import type { Values } from './src/helm.ts';
import { Release } from './src/release.ts';

const fleets = { default: {}, north: { replicas: 2 } };

/** What an upgrade from one set of values to another touches. */
async function touched(before: Values, after: Values): Promise<string[]> {
  const { server } = await install({ values: before });
  const [one, other] = [
    Release.parse(await helm.template({ server, values: before })),
    Release.parse(await helm.template({ server, values: after })),
  ];
  // The pods of helm test are made anew for every test.
  return differences(one, other).filter((id) => id !== 'Pod/gatecast-test');
}

const services = [
  'Deployment/gatecast-config-api',
  'Deployment/gatecast-encoder',
  'Deployment/gatecast-mqtt-publisher-default',
  'Deployment/gatecast-mqtt-publisher-north',
  'Deployment/gatecast-sensor-ingest',
];

describe.skipIf(tools.helm === null)('what an upgrade touches', () => {
  it('is nothing when nothing has changed', async () => {
    expect(await touched({ fleets }, { fleets })).toEqual([]);
  });

  it('is the services alone for a new image: NATS goes on', async () => {
    const changed = await touched({ fleets }, { fleets, image: { tag: 'next' } });
    expect(changed).toEqual(services);
  });

  it('is no pod of NATS for a new version of the chart', async () => {
    const { server } = await install({ values: { fleets } });
    const one = Release.parse(await helm.template({ server, values: { fleets } }));
    const other = Release.parse(await helm.template({ server, values: { fleets }, chart: chartOfVersion('9.9.9') }));
    const pods = (release: Release) => release.pods.find(({ owner }) => owner.kind === 'StatefulSet');
    expect(differences(one, other)).toContain('StatefulSet/gatecast-nats');
    expect(pods(other)?.spec).toEqual(pods(one)?.spec);
    expect([pods(other)?.labels, pods(other)?.annotations]).toEqual([pods(one)?.labels, pods(one)?.annotations]);
  });

  it('is one fleet alone when that fleet’s values change', async () => {
    const changed = await touched({ fleets }, { fleets: { ...fleets, north: { replicas: 3 } } });
    expect(changed).toEqual(['Deployment/gatecast-mqtt-publisher-north']);
  });

  it('is a new fleet and the config API for a new fleet', async () => {
    const changed = await touched({ fleets }, { fleets: { ...fleets, south: {} } });
    expect(changed.filter((id) => !id.includes('south'))).toEqual(['Deployment/gatecast-config-api']);
    expect(changed).toContain('Deployment/gatecast-mqtt-publisher-south');
  });

  it('is all of one fleet when it goes', async () => {
    const changed = await touched({ fleets }, { fleets: { ...fleets, north: null } });
    expect(changed.filter((id) => !id.includes('north'))).toEqual(['Deployment/gatecast-config-api']);
  });

  it('is every service for a new OTLP endpoint', async () => {
    const changed = await touched({ fleets }, { fleets, telemetry: { otlp: { endpoint: 'http://collector:4318' } } });
    expect(changed.filter((id) => id.startsWith('Deployment/'))).toEqual(services);
    expect(changed).not.toContain('StatefulSet/gatecast-nats');
  });

  it('is NATS for a setting of NATS, by a checksum', async () => {
    const changed = await touched({ fleets }, { fleets, nats: { bundled: { maxPayload: '2Mi' } } });
    expect(changed).toEqual(expect.arrayContaining(['ConfigMap/gatecast-nats', 'StatefulSet/gatecast-nats']));
    expect(changed.filter((id) => services.includes(id))).toEqual([]);
  });
});

/** The chart under another version. */
function chartOfVersion(version: string): string {
  return copyOfChart('Chart.yaml', (text) => text.replace(/^version: .*/m, `version: ${version}`));
}
