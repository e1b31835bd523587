/* By which labels the chart's pods are found, and what it calls things. */

export const SERVICES = ['config-api', 'sensor-ingest', 'encoder', 'mqtt-publisher'] as const;
export type Service = (typeof SERVICES)[number];

export const RELEASE = 'gatecast';
export const HTTP_PORT = 8080;

export type Labels = Readonly<Record<string, string>>;

/** Of every pod of a service; of a publisher, of one fleet when it is named. */
export function podsOf(service: Service | 'nats', fleet?: string): Labels {
  return {
    'app.kubernetes.io/instance': RELEASE,
    'app.kubernetes.io/component': service,
    ...(fleet !== undefined && { 'gatecast/fleet': fleet }),
  };
}

export const API_KEY_SECRET = { name: `${RELEASE}-api-key`, key: 'api-key' } as const;

export function publisherDeployment(fleet: string): string {
  return `${RELEASE}-mqtt-publisher-${fleet}`;
}
