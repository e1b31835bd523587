import { join } from 'node:path';
import { type Outcome, run } from './run.ts';

export const CHART = join(import.meta.dirname, '../../../charts/gatecast');
export const RELEASE = 'gatecast';
export const NAMESPACE = 'gatecast';

/** Values as in a values file. */
export type Values = Readonly<Record<string, unknown>>;

export interface TemplateOptions {
  /** Paths of values files. */
  readonly files?: readonly string[];
  /** Go over those of the files. */
  readonly values?: Values;
  /** Folder of the chart; default the repository's. */
  readonly chart?: string;
  readonly release?: string;
  /** `1.34`; default a current one. */
  readonly kubernetes?: string;
  /** URL of an API server in which the chart may look things up; without one it finds nothing. */
  readonly server?: string;
  readonly isUpgrade?: boolean;
  readonly showOnly?: readonly string[];
  /** With hooks of `helm test`; default true. */
  readonly tests?: boolean;
}

/** Kinds of others that the chart may use when a cluster has them. */
const apiVersions = [
  'gateway.networking.k8s.io/v1/HTTPRoute',
  'keda.sh/v1alpha1/ScaledObject',
  'monitoring.coreos.com/v1/PodMonitor',
  'monitoring.coreos.com/v1/ServiceMonitor',
];

/** One Helm program, cut off from the settings, plug-ins and clusters of the person who runs the tests. */
export class Helm {
  readonly #path: string;
  readonly #env: NodeJS.ProcessEnv;

  /** @param home a folder for what it wants to remember */
  constructor(path: string, home: string) {
    this.#path = path;
    const foreign = /^(HELM_|KUBE)/;
    this.#env = {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name))),
      HELM_CACHE_HOME: join(home, 'cache'),
      HELM_CONFIG_HOME: join(home, 'config'),
      HELM_DATA_HOME: join(home, 'data'),
      KUBECONFIG: join(home, 'no-cluster'),
    };
  }

  /**
   * What `helm template` prints for the chart.
   * @throws {Error} with Helm's own words when it refuses
   */
  async template(options: TemplateOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.tryTemplate(options);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  /** The words with which the chart refuses values. */
  async refusal(options: TemplateOptions): Promise<string> {
    const { code, stderr } = await this.tryTemplate(options);
    if (code === 0) throw new Error(`accepted: ${JSON.stringify(options.values)}`);
    return stderr;
  }

  tryTemplate(options: TemplateOptions): Promise<Outcome> {
    const { files = [], values = {}, chart = CHART, release = RELEASE, server, isUpgrade, showOnly = [] } = options;
    const { kubernetes = '1.35' } = options;
    const args = [
      ...['template', release, chart, '--namespace', NAMESPACE, '--kube-version', `v${kubernetes}.0`],
      ...apiVersions.flatMap((version) => ['--api-versions', version]),
      ...valuesFrom(files),
      ...showOnly.flatMap((path) => ['--show-only', path]),
      ...(isUpgrade ? ['--is-upgrade'] : []),
      ...serverFlags(server),
      ...(options.tests === false ? ['--skip-tests'] : []),
    ];
    return this.run(args, values);
  }

  /** What a person reads after `helm install`, or `helm upgrade`. */
  async notes({
    values = {},
    files = [],
    server,
  }: Pick<TemplateOptions, 'values' | 'files' | 'server'> = {}): Promise<string> {
    const where = server === undefined ? ['--dry-run=client'] : serverFlags(server);
    const args = [
      'install',
      RELEASE,
      CHART,
      '--namespace',
      NAMESPACE,
      '--output',
      'json',
      ...where,
      ...valuesFrom(files),
    ];
    const { code, stdout, stderr } = await this.run(args, values);
    if (code !== 0) throw new Error(stderr);
    return (JSON.parse(stdout) as { info: { notes: string } }).info.notes;
  }

  lint(files: readonly string[]): Promise<Outcome> {
    return this.run(['lint', '--strict', CHART, '--kube-version', 'v1.35.0', ...valuesFrom(files)], {});
  }

  /** @param values what it reads as the values file `-` */
  run(args: readonly string[], values: Values): Promise<Outcome> {
    return run(this.#path, args, { env: this.#env, input: JSON.stringify(values) });
  }
}

function valuesFrom(files: readonly string[]): string[] {
  return [...files, '-'].flatMap((file) => ['--values', file]);
}

/** Whether the objects are valid is not asked: that is kubeconform's business. */
function serverFlags(server: string | undefined): string[] {
  return server === undefined ? [] : ['--dry-run=server', '--disable-openapi-validation', '--kube-apiserver', server];
}
