import type { GatewayRecord } from '@gatecast/shared/model';
import { desiredSession, type SessionSettings } from '../../src/domain/session-settings.ts';

/** A gateway of the default fleet, with these MQTT settings. */
export function recordOf(mqtt: GatewayRecord['mqtt']): GatewayRecord {
  return {
    gatewayId: 'gw-1',
    workspace: 'acme',
    fleet: 'default',
    incarnation: 'first',
    createdAt: '',
    ingestTokenHash: '',
    mqtt,
  };
}

/** What the settings of such a gateway, at broker.example, come to; `changes` go before the defaults. */
export function settingsOf(mqtt: GatewayRecord['mqtt'], changes: Partial<SessionSettings> = {}): SessionSettings {
  const { settings } = desiredSession(recordOf({ host: 'broker.example', ...mqtt }), 1);
  if (!settings) throw new Error('no session');
  return { ...settings, ...changes };
}
