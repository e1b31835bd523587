import { completeIntegration, type GatewayRecord, type Integration } from '@gatecast/shared/model';

/** Everything of an integration that a session is made with. Secrets stay sealed until the moment of connecting. */
export interface SessionSettings {
  gatewayId: string;
  host: string;
  port: number;
  tls: Integration['tls'];
  sealedPassword: string | undefined;
  sealedClientKey: string | undefined;
  username: string | undefined;
  clientId: string;
  protocolVersion: 4 | 5;
  keepAliveSeconds: number;
  qos: 0 | 1 | 2;
  will: Omit<Integration['will'], 'silenceIntervals'>;
  /** Own bound on unacknowledged messages; the broker's may be lower. */
  inFlight: number;
  ackTimeoutMs: number;
  traceContext: boolean;
}

/** What a gateway's session should be. */
export type DesiredSession = {
  /** Revision of the integration that this comes from. */
  revision: number;
} & (
  | { settings: SessionSettings; without: undefined }
  | { settings: undefined; without: 'disabled' | 'no_host' | 'deleted' }
);

/** AWS IoT Core allows 100 unacknowledged publishes a connection. */
const AWS_IN_FLIGHT = 100;

/**
 * The session that a gateway should have at `revision` of its integration, or why it should have none.
 * @param record undefined: the gateway was deleted
 */
export function desiredSession(record: GatewayRecord | undefined, revision: number): DesiredSession {
  if (!record) return { settings: undefined, without: 'deleted', revision };
  const integration = completeIntegration(record.gatewayId, record.mqtt);
  if (integration.host === undefined) return { settings: undefined, without: 'no_host', revision };
  if (!integration.enabled) return { settings: undefined, without: 'disabled', revision };
  return { settings: settingsOf(record, integration, integration.host), without: undefined, revision };
}

function settingsOf(record: GatewayRecord, integration: Integration, host: string): SessionSettings {
  const { silenceIntervals: _, ...will } = integration.will;
  const { inFlight, ackTimeoutSeconds, traceContext } = integration.advanced;
  return {
    gatewayId: record.gatewayId,
    host,
    port: integration.port,
    tls: integration.tls,
    sealedPassword: record.mqtt.sealed?.password,
    sealedClientKey: record.mqtt.sealed?.['tls.clientKey'],
    username: integration.username,
    clientId: integration.clientId,
    protocolVersion: integration.protocolVersion === '5' ? 5 : 4,
    keepAliveSeconds: integration.keepAliveSeconds,
    qos: integration.qos,
    will,
    inFlight: integration.profile === 'aws-iot-core' ? Math.min(inFlight, AWS_IN_FLIGHT) : inFlight,
    ackTimeoutMs: ackTimeoutSeconds * 1000,
    traceContext,
  };
}

/** Whether two desired states mean the same session: if not, the present one has to end. */
export function sameSession(a: DesiredSession, b: DesiredSession): boolean {
  return a.without === b.without && JSON.stringify(a.settings) === JSON.stringify(b.settings);
}

/**
 * Whether what is retained on the will's topic of the session that ends has no place any more. A disabled
 * integration's last word stays; a deleted gateway's, or that of a topic or broker given up, does not.
 */
export function leavesStaleWill(before: SessionSettings, after: DesiredSession): boolean {
  if (!before.will.enabled || !before.will.retain) return false;
  if (!after.settings) return after.without === 'deleted';
  const { will, host, port } = after.settings;
  const sameBroker = host === before.host && port === before.port;
  return !(sameBroker && will.enabled && will.topic === before.will.topic);
}
