import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { FakeKubeApi } from './src/fake-kube-api.ts';
import { CHART, Helm, NAMESPACE, RELEASE, type TemplateOptions } from './src/helm.ts';
import type { Manifest, WorkloadSpec } from './src/kubernetes.ts';
import { Release } from './src/release.ts';

/** How somebody installs the chart: its default values, or a `ci/<name>-values.yaml`. */
export interface Scenario {
  readonly name: string;
  readonly files: readonly string[];
  /** What is there before the release, as `Secret/name`; hosts that are not in the release, as `Host/name`. */
  readonly externals: readonly string[];
}

/** What the values of each scenario refer to. */
const externals: Readonly<Record<string, readonly string[]>> = {
  default: [],
  small: [],
  'multi-fleet': ['Host/nats.messaging', 'Secret/gatecast-nats-passwords', 'Secret/nats-ca'],
  production: [
    'Secret/gatecast-api-key',
    'Secret/gatecast-nats-passwords',
    'Secret/gatecast-nats-tls',
    'Secret/gatecast-sealing-keys',
    'Secret/registry-credentials',
  ],
};

const files = globSync('ci/*-values.yaml', { cwd: CHART }).sort();

export const scenarios: readonly Scenario[] = ['default', ...files.map((file) => basename(file, '-values.yaml'))].map(
  (name) => ({
    name,
    files: name === 'default' ? [] : [join(CHART, 'ci', `${name}-values.yaml`)],
    externals: externals[name] ?? [],
  }),
);

export const tools = inject('chartTools');

/** Whether README and snapshots of the chart are written anew instead of compared. */
export const isUpdating = process.env.GATECAST_UPDATE_CHART === '1';

const home = mkdtempSync(join(tmpdir(), 'gatecast-helm-'));
process.on('exit', () => rmSync(home, { recursive: true, force: true }));

/** The Helm that the chart is made for. To be used only where `tools.helm` is there. */
export const helm = new Helm(tools.helm ?? 'helm', home);

/** Every Helm that the chart has to work with, of those that are here; without one the tests are skipped. */
export const helms: readonly (readonly [name: string, helm: Helm])[] = [
  ['Helm 4', helm],
  ...(tools.helm3 === null ? [] : [['Helm 3', new Helm(tools.helm3, home)] as const]),
];

/**
 * A release of these values as the first install makes it, with an API server that then has what it left: what is
 * rendered over it is rendered as by an upgrade.
 */
export async function install(
  options: TemplateOptions = {},
  program = helm,
): Promise<{ release: Release; server: string }> {
  const release = Release.parse(await program.template(options));
  return { release, server: await serve([...release.manifests, ...volumesOf(release)]) };
}

/** The claims that the controller of StatefulSets makes; they stay when the release goes. */
export function volumesOf(release: Release): Manifest[] {
  return release.ofKind('StatefulSet').flatMap(({ spec, metadata }) => {
    const { replicas = 1, volumeClaimTemplates = [] } = spec as WorkloadSpec;
    return volumeClaimTemplates.flatMap((template) =>
      Array.from({ length: replicas }, (_, index) => ({
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { ...template.metadata, name: `${template.metadata.name}-${metadata.name}-${index}` },
      })),
    );
  });
}

/** An API server that has these objects, until the test ends. */
export async function serve(objects: readonly Manifest[]): Promise<string> {
  const api = await FakeKubeApi.start();
  onTestFinished(() => api.stop());
  api.objects = objects.map(owned);
  return api.url;
}

/** As Helm marks what it has made: what is not marked it would not touch. */
function owned(object: Manifest): Manifest {
  const marks = { 'meta.helm.sh/release-name': RELEASE, 'meta.helm.sh/release-namespace': NAMESPACE };
  return { ...object, metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...marks } } };
}

/** Objects of a release that differ between two renderings, by kind and name. */
export function differences(before: Release, after: Release): string[] {
  const text = (release: Release) =>
    new Map(
      release.manifests.map((manifest) => [`${manifest.kind}/${manifest.metadata.name}`, JSON.stringify(manifest)]),
    );
  const [one, other] = [text(before), text(after)];
  return [...new Set([...one.keys(), ...other.keys()])].filter((id) => one.get(id) !== other.get(id)).sort();
}
