import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Labels, Manifest } from './kubernetes.ts';
import { hasLabels } from './selectors.ts';

interface Resource {
  /** `v1`, `apps/v1` */
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
}

/** What a release of the chart may consist of, and what the chart looks up. */
const resources: readonly Resource[] = [
  { version: 'v1', plural: 'configmaps', kind: 'ConfigMap' },
  { version: 'v1', plural: 'persistentvolumeclaims', kind: 'PersistentVolumeClaim' },
  { version: 'v1', plural: 'pods', kind: 'Pod' },
  { version: 'v1', plural: 'secrets', kind: 'Secret' },
  { version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount' },
  { version: 'v1', plural: 'services', kind: 'Service' },
  { version: 'apps/v1', plural: 'deployments', kind: 'Deployment' },
  { version: 'apps/v1', plural: 'statefulsets', kind: 'StatefulSet' },
  { version: 'autoscaling/v2', plural: 'horizontalpodautoscalers', kind: 'HorizontalPodAutoscaler' },
  { version: 'networking.k8s.io/v1', plural: 'ingresses', kind: 'Ingress' },
  { version: 'networking.k8s.io/v1', plural: 'networkpolicies', kind: 'NetworkPolicy' },
  { version: 'policy/v1', plural: 'poddisruptionbudgets', kind: 'PodDisruptionBudget' },
  { version: 'gateway.networking.k8s.io/v1', plural: 'httproutes', kind: 'HTTPRoute' },
  { version: 'keda.sh/v1alpha1', plural: 'scaledobjects', kind: 'ScaledObject' },
  { version: 'monitoring.coreos.com/v1', plural: 'podmonitors', kind: 'PodMonitor' },
  { version: 'monitoring.coreos.com/v1', plural: 'servicemonitors', kind: 'ServiceMonitor' },
];

const versions = [...new Set(resources.map(({ version }) => version))];

/**
 * As much of a Kubernetes API server as a dry run of Helm asks: which kinds there are, and which objects of them. So a
 * chart can be rendered as by an upgrade, over what an install has left.
 */
export class FakeKubeApi {
  /** Objects that are there, whatever their namespace. */
  objects: readonly Manifest[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeKubeApi> {
    const server = createServer();
    const api = new FakeKubeApi(server);
    server.on('request', (request, response) => {
      const { status, body } = api.#answer(new URL(request.url ?? '/', 'http://api'));
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer({ pathname: path, searchParams }: URL): { status: number; body: object } {
    const discovered = discovery(path);
    if (discovered !== undefined) return { status: 200, body: discovered };
    const match = /^\/apis?\/(.+)\/namespaces\/[^/]+\/([a-z]+)(?:\/([^/]+))?$/.exec(path);
    const [, version = '', plural, name] = match ?? [];
    const resource = resources.find((one) => one.version === version && one.plural === plural);
    if (resource === undefined) return notFound(path);
    const wanted = labelsOf(searchParams.get('labelSelector') ?? '');
    const objects = this.objects
      .filter(({ kind }) => kind === resource.kind)
      .filter(({ metadata }) => hasLabels(metadata.labels ?? {}, wanted));
    if (name === undefined) {
      return { status: 200, body: { kind: `${resource.kind}List`, apiVersion: version, metadata: {}, items: objects } };
    }
    const found = objects.find(({ metadata }) => metadata.name === name);
    return found === undefined ? notFound(path) : { status: 200, body: found };
  }
}

/** `a=b,c=d` */
function labelsOf(selector: string): Labels {
  return Object.fromEntries(selector.split(',').flatMap((pair) => (pair.includes('=') ? [pair.split('=')] : [])));
}

function notFound(path: string) {
  const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404, message: path };
  return { status: 404, body };
}

/** Which kinds there are. */
function discovery(path: string): object | undefined {
  if (path === '/version') return { major: '1', minor: '35', gitVersion: 'v1.35.0' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') {
    const groups = versions.filter((version) => version.includes('/')).map(groupOf);
    return { kind: 'APIGroupList', apiVersion: 'v1', groups };
  }
  const version = versions.find((one) => path === (one === 'v1' ? '/api/v1' : `/apis/${one}`));
  if (version === undefined) return undefined;
  return {
    kind: 'APIResourceList',
    groupVersion: version,
    resources: resources
      .filter((one) => one.version === version)
      .map(({ plural, kind }) => ({ name: plural, singularName: '', namespaced: true, kind, verbs: ['get', 'list'] })),
  };
}

function groupOf(groupVersion: string) {
  const [name, version] = groupVersion.split('/');
  return { name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } };
}
