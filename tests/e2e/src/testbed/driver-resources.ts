import { RESTRICTED_CONTAINER, RESTRICTED_POD } from './restricted.ts';

export const DRIVER = 'e2e-driver';

/** The driver: load, subscribers and checker beside the services. */
export function driverResources(image: string): object[] {
  const labels = { 'app.kubernetes.io/name': DRIVER };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: DRIVER, labels },
      spec: {
        replicas: 1,
        strategy: { type: 'Recreate' },
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: 15,
            securityContext: RESTRICTED_POD,
            containers: [
              {
                name: 'driver',
                image,
                imagePullPolicy: 'IfNotPresent',
                resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '1Gi' } },
                securityContext: RESTRICTED_CONTAINER,
                volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
              },
            ],
            volumes: [{ name: 'tmp', emptyDir: {} }],
          },
        },
      },
    },
  ];
}
