import { ToolchainError } from './errors.mjs';
import { ensureGoTool } from './go-tools.mjs';
import { ensureKubeSchemas } from './kube-schemas.mjs';

/** @typedef {import('./context.mjs').Context} Context */

/** @satisfies {Record<string, import('./go-tools.mjs').GoTool>} */
export const chartTools = {
  helm: {
    name: 'helm',
    module: 'helm.sh/helm/v4/cmd/helm',
    version: '4.3.1',
    probe: ['version', '--short'],
    accepts: /^v4\./,
  },
  helm3: {
    name: 'helm',
    module: 'helm.sh/helm/v3/cmd/helm',
    version: '3.22.0',
    alsoCalled: ['helm3'],
    probe: ['version', '--short'],
    accepts: /^v3\.(1[4-9]|[2-9]\d)\b/,
  },
  kubeconform: {
    name: 'kubeconform',
    module: 'github.com/yannh/kubeconform/cmd/kubeconform',
    version: '0.8.0',
    probe: ['-v'],
    accepts: /./,
  },
  // What it prints is compared: any other version than the pinned one is no good.
  helmDocs: {
    name: 'helm-docs',
    module: 'github.com/norwoodj/helm-docs/cmd/helm-docs',
    version: '1.14.2',
    probe: ['--version'],
    accepts: /\b1\.14\.2\b/,
  },
  // With 1.0.0 every snapshot matches (helm-unittest's issue 712), and the go.mod of later versions has replace directives,
  // which go install refuses. None says its version; a test makes sure that one from PATH can tell a difference.
  helmUnittest: {
    name: 'helm-unittest',
    module: 'github.com/helm-unittest/helm-unittest/cmd/helm-unittest',
    version: '0.8.2',
    probe: ['--help'],
    accepts: /--update-snapshot/,
  },
};

/**
 * Paths of what the tests of the chart run, `schemas` being a folder; null where there is none. What tests are given has
 * to be JSON.
 *
 * @typedef {Record<keyof typeof chartTools | 'schemas', string | null>} ChartTools
 */

/**
 * What the tests of the chart can run with on this machine. What is missing is said in one line, and those tests are
 * skipped; with `GATECAST_REQUIRE_HELM=1`, as in continuous integration, it is an error.
 *
 * @param {Context} context
 * @returns {Promise<ChartTools>}
 * @throws {ToolchainError} `CHART_TOOL_UNAVAILABLE`
 */
export async function ensureChartTools(context) {
  const isRequired = context.env.GATECAST_REQUIRE_HELM === '1';
  const none = { helm: null, helm3: null, kubeconform: null, helmDocs: null, helmUnittest: null, schemas: null };
  const helm = await ensureGoTool(context, chartTools.helm);
  if (helm.path === undefined) {
    report(context, isRequired, 'the chart', helm.problem);
    return none;
  }
  // A second Helm takes as long to build as the first: it is built for continuous integration only.
  const helm3 = await ensureGoTool(context, chartTools.helm3, { build: isRequired });
  if (helm3.path === undefined) report(context, isRequired, 'the chart with Helm 3', helm3.problem);
  const kubeconform = await ensureGoTool(context, chartTools.kubeconform);
  const schemas = kubeconform.path === undefined ? kubeconform : await ensureKubeSchemas(context);
  if (schemas.path === undefined) report(context, isRequired, 'the chart against schemas', schemas.problem);
  const helmDocs = await ensureGoTool(context, chartTools.helmDocs);
  if (helmDocs.path === undefined) report(context, isRequired, 'the chart’s README', helmDocs.problem);
  const helmUnittest = await ensureGoTool(context, chartTools.helmUnittest);
  if (helmUnittest.path === undefined) report(context, isRequired, 'the chart by helm-unittest', helmUnittest.problem);
  return {
    helm: helm.path,
    helm3: helm3.path ?? null,
    kubeconform: schemas.path === undefined ? null : (kubeconform.path ?? null),
    helmDocs: helmDocs.path ?? null,
    helmUnittest: helmUnittest.path ?? null,
    schemas: schemas.path ?? null,
  };
}

/**
 * @param {Context} context
 * @param {boolean} isRequired
 * @param {string} what
 * @param {string | undefined} problem
 */
function report(context, isRequired, what, problem) {
  if (!isRequired) return context.log(`tests of ${what} are skipped: ${problem}`);
  throw new ToolchainError('CHART_TOOL_UNAVAILABLE', `tests of ${what} cannot run: ${problem}`);
}
