import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { kubernetesVersions } from '../../scripts/toolchain/kube-schemas.mjs';
import { differences, helms, install, scenarios, tools } from './scenarios.ts';
import { CHART } from './src/helm.ts';
import { referencesOf } from './src/pod-references.ts';
import { Release } from './src/release.ts';
import { rules } from './src/rules/index.ts';
import { run } from './src/run.ts';

/** Kinds of others, whose schemas are not Kubernetes'. */
const foreignKinds = ['HTTPRoute', 'PodMonitor', 'ScaledObject', 'ServiceMonitor'];

describe.skipIf(tools.helm === null).each(helms)('with %s', (_name, helm) => {
  describe.each(scenarios)('the values of $name', ({ name, files, externals }) => {
    let release: Release;

    beforeAll(async () => {
      release = Release.parse(await helm.template({ files }), externals);
    });

    it('pass helm lint --strict', async () => {
      const { code, stdout, stderr } = await helm.lint(files);
      expect({ code, text: stdout + stderr }).toMatchObject({ code: 0 });
    });

    it.each(Object.entries(rules))('keep the rule %s', (_rule, rule) => {
      expect(rule(release)).toEqual([]);
    });

    it.skipIf(tools.kubeconform === null).each(kubernetesVersions)(
      'are valid for Kubernetes %s',
      async (kubernetes) => {
        const text = await helm.template({ files, kubernetes });
        const { code, stdout } = await run(
          tools.kubeconform ?? '',
          [
            ...['-strict', '-summary', '-skip', foreignKinds.join(','), '-kubernetes-version', `${kubernetes}.0`],
            ...['-schema-location', `${tools.schemas}/v${kubernetes}/{{ .ResourceKind }}{{ .KindSuffix }}.json`],
          ],
          { input: text },
        );
        expect({ code, stdout }).toMatchObject({ code: 0 });
        const skipped = release.manifests.filter(({ kind }) => foreignKinds.includes(kind)).length;
        expect(stdout).toContain(`Invalid: 0, Errors: 0, Skipped: ${skipped}`);
      },
    );

    it('set no variable of OpenTelemetry but those that docs/telemetry.md explains', () => {
      const page = readFileSync(join(CHART, '../../docs/telemetry.md'), 'utf8');
      const names = release.pods.flatMap(({ spec }) =>
        spec.containers.flatMap(({ env = [] }) => env.map((one) => one.name)),
      );
      const unknown = names.filter((variable) => variable.startsWith('OTEL_') && !page.includes(`\`${variable}\``));
      expect(unknown).toEqual([]);
    });

    it('need nothing from outside beyond what is declared', () => {
      const needed = new Set(
        release.pods.flatMap(referencesOf).map((reference) => `${reference.kind}/${reference.name}`),
      );
      const secrets = externals.filter((external) => !external.startsWith('Host/'));
      expect(
        secrets.filter((external) => !needed.has(external)),
        `externals of ${name}`,
      ).toEqual([]);
    });
  });
});

describe.skipIf(tools.helm3 === null)('Helm 3 and Helm 4', () => {
  it.each(scenarios)('make the same of the values of $name', async ({ files }) => {
    const { release, server } = await install({ files });
    const [, other] = helms.map(([, program]) => program);
    expect(differences(release, Release.parse(await other!.template({ files, server })))).toEqual([]);
  });
});
