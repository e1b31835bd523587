import type { GatewayRecord, StatusRecord } from '@gatecast/shared/model';

export function gatewayRecord(change: Partial<GatewayRecord> = {}): GatewayRecord {
  return {
    gatewayId: 'gw-1',
    workspace: 'acme',
    fleet: 'default',
    incarnation: 'life-1',
    createdAt: '2026-01-01T00:00:00.000Z',
    ingestTokenHash: '00',
    mqtt: { host: 'broker.example', advanced: { layoutVersion: 1 } },
    ...change,
  };
}

/** A session that is up, said by the publisher `pub-1` under epoch 10. */
export function statusRecord(change: Partial<StatusRecord> = {}): StatusRecord {
  return {
    gatewayId: 'gw-1',
    workspace: 'acme',
    fleet: 'default',
    incarnation: 'life-1',
    code: 'MQTT_INFO_NO_ERR',
    class: 'ok',
    reason: 'delivering',
    message: 'Messages arrive.',
    since: '2026-01-01T01:00:00.000Z',
    updated: '2026-01-01T01:00:00.000Z',
    host: 'broker.example',
    attempt: 0,
    owner: { instance: 'pub-1', epoch: 10 },
    ...change,
  };
}
