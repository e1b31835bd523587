import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { chartTools, ensureChartTools } from '../../toolchain/chart-tools.mjs';
import { schemasFolder } from '../../toolchain/kube-schemas.mjs';
import { fakeExecutable, type TestContext, testContext } from '../helpers.ts';

describe('the tools of the chart’s tests', () => {
  let context: TestContext;

  beforeEach(() => {
    context = testContext();
    // Found before the machine's own.
    fakeExecutable(join(context.root, 'bin', 'go'), 'echo "no proxy" >&2; exit 1');
    fakeExecutable(join(context.root, 'bin', 'python3'), 'echo "No module named pip" >&2; exit 1');
  });

  const cache = (tool: keyof typeof chartTools): string => {
    const { name, version } = chartTools[tool];
    return fakeExecutable(join(context.tools, 'go', `${name}-${version}`, 'bin', name), 'exit 0');
  };

  it('are nothing without Helm, which one line says', async () => {
    const tools = await ensureChartTools(context);
    expect(new Set(Object.values(tools))).toEqual(new Set([null]));
    expect(context.lines.filter((line) => line.includes('skipped'))).toEqual([
      'tests of the chart are skipped: go install helm.sh/helm/v4/cmd/helm@v4.3.1 failed: no proxy',
    ]);
  });

  it('are an error without Helm where it is required', async () => {
    context.env = { ...context.env, GATECAST_REQUIRE_HELM: '1' };
    await expect(ensureChartTools(context)).rejects.toMatchObject({ code: 'CHART_TOOL_UNAVAILABLE' });
  });

  it('are those that are there, with a line for each that is not', async () => {
    const helm = cache('helm');
    const helmDocs = cache('helmDocs');
    cache('kubeconform');
    const tools = await ensureChartTools(context);
    expect(tools).toEqual({
      helm,
      helmDocs,
      ...{ helm3: null, kubeconform: null, helmUnittest: null, schemas: null },
    });
    expect(context.lines.filter((line) => line.includes('skipped'))).toEqual([
      expect.stringContaining('tests of the chart with Helm 3 are skipped: there is no helm 3.'),
      'tests of the chart against schemas are skipped: python3 has no pip (No module named pip)',
      expect.stringContaining('tests of the chart by helm-unittest are skipped: go install'),
    ]);
  });

  it('are complete', async () => {
    for (const tool of Object.keys(chartTools)) cache(tool as keyof typeof chartTools);
    mkdirSync(schemasFolder(context), { recursive: true });
    const tools = await ensureChartTools(context);
    expect(Object.values(tools)).not.toContain(null);
    expect(context.lines).toEqual([]);
  });
});
