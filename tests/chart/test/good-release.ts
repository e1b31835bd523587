import type { Manifest, PodSpec } from '../src/kubernetes.ts';
import { Release } from '../src/release.ts';

/** A small release that no rule has anything against; tests take one thing of it away. */
export function goodRelease(): Manifest[] {
  return [...configApi(), ...encoder(), ...publisher(), ...nats(), ...hook(), ...networkPolicies()];
}

/**
 * The good release after a change to one of its objects.
 * @param change may alter the object it is given, which is a copy
 */
export function changed(id: string, change: (object: Draft) => void, externals: readonly string[] = []): Release {
  const manifests = structuredClone(goodRelease());
  const object = manifests.find(({ kind, metadata }) => `${kind}/${metadata.name}` === id);
  if (object === undefined) throw new Error(`the release has no ${id}`);
  change(object as unknown as Draft);
  return new Release(manifests, externals);
}

/** The good release without some of its objects. */
export function without(...ids: readonly string[]): Release {
  return new Release(goodRelease().filter(({ kind, metadata }) => !ids.includes(`${kind}/${metadata.name}`)));
}

/** The good release with further objects. */
export function withMore(...more: readonly Manifest[]): Release {
  return new Release([...goodRelease(), ...more]);
}

type Mutable<T> = T extends string | number | boolean | undefined
  ? T
  : T extends readonly (infer E)[]
    ? Mutable<E>[]
    : { -readonly [K in keyof T]: Mutable<T[K]> };

/** An object with the parts that tests change. */
export interface Draft {
  apiVersion: string;
  metadata: { name: string; labels: Record<string, string>; annotations?: Record<string, string> };
  data: Record<string, string>;
  automountServiceAccountToken?: boolean;
  spec: Record<string, unknown> & {
    template: { metadata: { labels: Record<string, string>; annotations?: Record<string, string> }; spec: PodDraft };
  };
}

export type PodDraft = Mutable<PodSpec>;

/** The first container of a workload. */
export function containerOf({ spec }: Draft): PodDraft['containers'][number] {
  const [container] = spec.template.spec.containers;
  if (container === undefined) throw new Error('the workload has no container');
  return container;
}

export function object(
  apiVersion: string,
  kind: string,
  name: string,
  rest: Partial<Manifest> & { annotations?: Record<string, string> } = {},
): Manifest {
  const { annotations, ...fields } = rest;
  const labels = {
    'app.kubernetes.io/name': 'gatecast',
    'app.kubernetes.io/instance': 'gatecast',
    'app.kubernetes.io/managed-by': 'Helm',
    'helm.sh/chart': 'gatecast-0.1.0',
  };
  return { apiVersion, kind, metadata: { name, labels, ...(annotations && { annotations }) }, ...fields };
}

const selectorOf = (component: string) => ({
  'app.kubernetes.io/name': 'gatecast',
  'app.kubernetes.io/instance': 'gatecast',
  'app.kubernetes.io/component': component,
});

const containerBasics = {
  imagePullPolicy: 'IfNotPresent',
  resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '256Mi' } },
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
} as const;

const podBasics = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 10_001,
    seccompProfile: { type: 'RuntimeDefault' },
  },
} as const;

const probe = (path: string) => ({ httpGet: { path, port: 'admin' } });

function service(component: string, more: object = {}, replicas: object = { replicas: 1 }): Manifest {
  const {
    env = [],
    volumes = [],
    volumeMounts = [],
    ports = [],
    lifecycle,
  } = more as Partial<PodSpec['containers'][0]> & {
    volumes?: object[];
  };
  return object('apps/v1', 'Deployment', `gatecast-${component}`, {
    spec: {
      ...replicas,
      selector: { matchLabels: selectorOf(component) },
      template: {
        metadata: { labels: selectorOf(component), annotations: { 'checksum/config': 'abc' } },
        spec: {
          ...podBasics,
          terminationGracePeriodSeconds: 45,
          containers: [
            {
              ...containerBasics,
              name: component,
              image: `gatecast/${component}:0.1.0`,
              env: [
                { name: 'GATECAST_NATS_URL', value: 'nats://gatecast-nats:4222' },
                { name: 'GATECAST_INSTANCE', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
                ...env,
              ],
              ports: [{ name: 'admin', containerPort: 9090 }, ...ports],
              volumeMounts,
              startupProbe: probe('/livez'),
              livenessProbe: probe('/livez'),
              readinessProbe: probe('/readyz'),
              ...(lifecycle && { lifecycle }),
            },
          ],
          volumes,
        },
      },
    },
  });
}

function configApi(): Manifest[] {
  const file = { name: 'GATECAST_SEALING_PUBLIC_KEYS_FILE', value: '/etc/gatecast/secrets/sealing/public.json' };
  return [
    service('config-api', {
      env: [file],
      ports: [{ name: 'http', containerPort: 8080 }],
      volumeMounts: [{ name: 'sealing', mountPath: '/etc/gatecast/secrets/sealing' }],
      volumes: [{ name: 'sealing', configMap: { name: 'gatecast-sealing' } }],
      lifecycle: { preStop: { exec: { command: ['sleep', '5'] } } },
    }),
    object('v1', 'ConfigMap', 'gatecast-sealing', { data: { 'public.json': '{"keys":[]}' } }),
    object('v1', 'Service', 'gatecast-config-api', {
      spec: { selector: selectorOf('config-api'), ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    }),
    object('networking.k8s.io/v1', 'Ingress', 'gatecast-config-api', {
      annotations: { 'cert-manager.io/cluster-issuer': 'letsencrypt' },
      spec: {
        tls: [{ secretName: 'config-api-tls' }],
        rules: [
          {
            http: {
              paths: [{ backend: { service: { name: 'gatecast-config-api', port: { name: 'http' } } } }],
            },
          },
        ],
      },
    }),
    object('gateway.networking.k8s.io/v1', 'HTTPRoute', 'gatecast-config-api', {
      spec: { rules: [{ backendRefs: [{ name: 'gatecast-config-api', port: 80 }] }] },
    }),
    object('monitoring.coreos.com/v1', 'ServiceMonitor', 'gatecast', {
      spec: { selector: { matchLabels: { 'app.kubernetes.io/name': 'gatecast' } }, endpoints: [] },
    }),
  ];
}

function encoder(): Manifest[] {
  return [
    service('encoder', {}, { replicas: 2 }),
    object('policy/v1', 'PodDisruptionBudget', 'gatecast-encoder', {
      spec: { maxUnavailable: 1, selector: { matchLabels: selectorOf('encoder') } },
    }),
  ];
}

function publisher(): Manifest[] {
  const env = [
    { name: 'GATECAST_SEALING_PRIVATE_KEYS_FILE', value: '/etc/gatecast/secrets/sealing/private.json' },
    { name: 'NODE_OPTIONS', value: '--max-old-space-size=192' },
  ];
  return [
    service(
      'mqtt-publisher',
      {
        env,
        volumeMounts: [{ name: 'sealing', mountPath: '/etc/gatecast/secrets/sealing' }],
        volumes: [
          { name: 'sealing', secret: { secretName: 'gatecast-keys', items: [{ key: 'keys', path: 'private.json' }] } },
        ],
      },
      {},
    ),
    object('v1', 'Secret', 'gatecast-keys', { data: { keys: Buffer.from('{"keys":[]}').toString('base64') } }),
    object('autoscaling/v2', 'HorizontalPodAutoscaler', 'gatecast-mqtt-publisher', {
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gatecast-mqtt-publisher' },
        minReplicas: 1,
        maxReplicas: 4,
        metrics: [{ type: 'Resource', resource: { name: 'cpu' } }],
        behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
      },
    }),
    object('monitoring.coreos.com/v1', 'PodMonitor', 'gatecast', {
      spec: {
        selector: { matchLabels: selectorOf('mqtt-publisher') },
        podMetricsEndpoints: [{ port: 'admin' }],
      },
    }),
  ];
}

function nats(): Manifest[] {
  const question = (path: string) => ({ httpGet: { path, port: 'monitor' } });
  return [
    object('apps/v1', 'StatefulSet', 'gatecast-nats', {
      spec: {
        replicas: 1,
        serviceName: 'gatecast-nats-headless',
        selector: { matchLabels: selectorOf('nats') },
        volumeClaimTemplates: [{ metadata: { name: 'data' } }],
        template: {
          metadata: { labels: selectorOf('nats') },
          spec: {
            ...podBasics,
            containers: [
              {
                ...containerBasics,
                name: 'nats',
                image: 'nats:2.15.2-alpine',
                ports: [
                  { name: 'client', containerPort: 4222 },
                  { name: 'monitor', containerPort: 8222 },
                ],
                volumeMounts: [{ name: 'data', mountPath: '/data' }],
                startupProbe: question('/healthz'),
                livenessProbe: question('/healthz?js-server-only=true'),
                readinessProbe: question('/healthz?js-enabled-only=true'),
              },
            ],
          },
        },
      },
    }),
    ...['gatecast-nats', 'gatecast-nats-headless'].map((name) =>
      object('v1', 'Service', name, {
        spec: {
          ...(name.endsWith('headless') && { clusterIP: 'None' }),
          selector: selectorOf('nats'),
          ports: [{ name: 'client', port: 4222, targetPort: 'client' }],
        },
      }),
    ),
  ];
}

/** Of the kind that makes something before everything else is there. */
function hook(): Manifest[] {
  const weight = (value: string) => ({ 'helm.sh/hook': 'pre-install,pre-upgrade', 'helm.sh/hook-weight': value });
  return [
    object('v1', 'ServiceAccount', 'gatecast-setup', {
      annotations: weight('-5'),
      automountServiceAccountToken: false,
    }),
    object('batch/v1', 'Job', 'gatecast-setup', {
      annotations: weight('0'),
      spec: {
        template: {
          metadata: { labels: selectorOf('setup') },
          spec: {
            ...podBasics,
            serviceAccountName: 'gatecast-setup',
            containers: [
              {
                ...containerBasics,
                name: 'setup',
                image: 'gatecast/config-api:0.1.0',
                command: ['node', '/setup.mjs'],
              },
            ],
          },
        },
      },
    }),
  ];
}

function networkPolicies(): Manifest[] {
  const nats = { podSelector: { matchLabels: selectorOf('nats') } };
  return [
    object('networking.k8s.io/v1', 'NetworkPolicy', 'gatecast', {
      spec: {
        podSelector: { matchLabels: { 'app.kubernetes.io/name': 'gatecast' } },
        policyTypes: ['Ingress', 'Egress'],
        egress: [{ to: [nats], ports: [{ port: 4222 }] }],
      },
    }),
    object('networking.k8s.io/v1', 'NetworkPolicy', 'gatecast-nats', {
      spec: {
        podSelector: { matchLabels: selectorOf('nats') },
        policyTypes: ['Ingress'],
        ingress: [
          {
            from: [{ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'gatecast' } } }],
            ports: [{ port: 'client' }],
          },
        ],
      },
    }),
    object('networking.k8s.io/v1', 'NetworkPolicy', 'gatecast-publisher', {
      spec: {
        podSelector: { matchLabels: selectorOf('mqtt-publisher') },
        policyTypes: ['Egress'],
        egress: [
          { to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '169.254.0.0/16'] } }] },
          { to: [{ namespaceSelector: {} }], ports: [{ port: 53, protocol: 'UDP' }] },
        ],
      },
    }),
  ];
}
