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
  /** Bound of the broker's operator; undefined: none. */
  publishesPerSecond: number | undefined;
  traceContext: boolean;
}

/** What a gateway's session should be. */
export type DesiredSession = {
  /** Revision of the integration that this comes from. */
  revision: number;
  /** How long the gateway may be without readings before it is shown offline, ms; 0: for ever. No part of the session. */
  silentAfterMs: number;
} & (
  | { settings: SessionSettings; without: undefined }
  | { settings: undefined; without: 'disabled' | 'no_host' | 'deleted' }
);

/** AWS IoT Core allows 100 unacknowledged publishes a connection, and 100 publishes a second. */
const AWS_IN_FLIGHT = 100;
const AWS_PUBLISHES_PER_SECOND = 100;

/**
 * The session that a gateway should have at `revision` of its integration, or why it should have none.
 * @param record undefined: the gateway was deleted
 */
export function desiredSession(record: GatewayRecord | undefined, revision: number): DesiredSession {
  const none = { settings: undefined, revision, silentAfterMs: 0 };
  if (!record) return { ...none, without: 'deleted' };
  const integration = completeIntegration(record.gatewayId, record.mqtt);
  const { will, measurementIntervalSeconds, host, enabled } = integration;
  if (host === undefined) return { ...none, without: 'no_host' };
  if (!enabled) return { ...none, without: 'disabled' };
  const silentAfterMs = will.silenceIntervals * measurementIntervalSeconds * 1000;
  return { settings: settingsOf(record, integration, host), without: undefined, revision, silentAfterMs };
}

function settingsOf(record: GatewayRecord, integration: Integration, host: string): SessionSettings {
  const { silenceIntervals: _, ...will } = integration.will;
  const { inFlight, ackTimeoutSeconds, traceContext } = integration.advanced;
  const isAws = integration.profile === 'aws-iot-core';
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
    inFlight: isAws ? Math.min(inFlight, AWS_IN_FLIGHT) : inFlight,
    ackTimeoutMs: ackTimeoutSeconds * 1000,
    publishesPerSecond: isAws ? AWS_PUBLISHES_PER_SECOND : undefined,
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
