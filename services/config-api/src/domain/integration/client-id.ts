import { completeIntegration, type GatewayRecord } from '@gatecast/shared/model';
import { normalizeHost } from './host.ts';

/**
 * What no two gateways may share: a client id at a broker's host, whatever the port (a second session would make the
 * broker end the first one [MQTT-3.1.4-2]). Undefined while the integration is off: it opens no session.
 */
export function sessionIdentity(gateway: Pick<GatewayRecord, 'gatewayId' | 'mqtt'>): string | undefined {
  const { enabled, host, clientId } = completeIntegration(gateway.gatewayId, gateway.mqtt);
  return enabled && host !== undefined ? `${normalizeHost(host)}\n${clientId}` : undefined;
}
