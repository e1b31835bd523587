import { restrictedDeployment } from './restricted.ts';

export const DRIVER = 'e2e-driver';

/** The driver: load, subscribers and checker beside the services. */
export function driverResources(image: string): object[] {
  const labels = { 'app.kubernetes.io/name': DRIVER };
  return [
    restrictedDeployment({
      name: DRIVER,
      labels,
      container: {
        name: 'driver',
        image,
        imagePullPolicy: 'IfNotPresent',
        resources: { requests: { cpu: '200m', memory: '128Mi' }, limits: { memory: '1Gi' } },
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
      },
      volumes: [{ name: 'tmp', emptyDir: {} }],
      graceSeconds: 15,
    }),
  ];
}
