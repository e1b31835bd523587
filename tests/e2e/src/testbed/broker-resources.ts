import { passwordFile } from '@gatecast/shared/testing';
import { restrictedDeployment } from './restricted.ts';

export interface BrokerSetup {
  readonly name: string;
  readonly image: string;
  /** Who is let in. Undefined: everybody. */
  readonly user: { readonly username: string; readonly password: string } | undefined;
}

export const MQTT_PORT = 1883;

/** A bound on what is in flight to the checker, or on what waits for it, would be measured in place of Gatecast. */
const CONFIG = [
  'max_inflight_messages 0',
  'max_queued_messages 0',
  'set_tcp_nodelay true',
  'log_dest stderr',
  // The checker's session outlives the process: what is taken over before it is back waits for it.
  'persistence true',
  'persistence_location /mosquitto/data/',
];
const STORAGE = '64Mi';

/** A mosquitto that keeps its sessions, with a Service of its name. */
export function brokerResources({ name, image, user }: BrokerSetup): object[] {
  const labels = { 'app.kubernetes.io/name': 'mosquitto', 'app.kubernetes.io/instance': name };
  const lines = [...CONFIG, `allow_anonymous ${user === undefined}`];
  if (user !== undefined) lines.push('password_file /mosquitto/config/passwords');
  lines.push(`listener ${MQTT_PORT}`);
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, labels },
      stringData: {
        'mosquitto.conf': `${lines.join('\n')}\n`,
        passwords: user === undefined ? '' : passwordFile({ [user.username]: user.password }),
      },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, labels },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: STORAGE } } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, labels },
      spec: { selector: labels, ports: [{ name: 'mqtt', port: MQTT_PORT }] },
    },
    restrictedDeployment({
      name,
      labels,
      container: {
        name: 'mosquitto',
        image,
        command: ['mosquitto', '-c', '/mosquitto/config/mosquitto.conf'],
        ports: [{ name: 'mqtt', containerPort: MQTT_PORT }],
        readinessProbe: { tcpSocket: { port: 'mqtt' }, periodSeconds: 1 },
        resources: { requests: { cpu: '50m', memory: '16Mi' }, limits: { memory: '128Mi' } },
        volumeMounts: [
          { name: 'config', mountPath: '/mosquitto/config' },
          { name: 'data', mountPath: '/mosquitto/data' },
        ],
      },
      volumes: [
        { name: 'config', secret: { secretName: name, defaultMode: 0o440 } },
        { name: 'data', persistentVolumeClaim: { claimName: name } },
      ],
      graceSeconds: 5,
    }),
  ];
}
