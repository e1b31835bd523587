import type { GatewayRecord, StatusClass, StatusCode } from '@gatecast/shared/model';
import { normalizeHost } from './integration/host.ts';

/** Every given field must fit. */
export interface GatewayFilter {
  fleet?: string;
  code?: StatusCode;
  class?: StatusClass;
  /** The configured broker. */
  host?: string;
  /** Part of the id or the name, in any letter case. */
  q?: string;
}

/** Whether what is known without looking at the status fits. */
export function fitsRecord(filter: GatewayFilter, { fleet, gatewayId, name, mqtt }: GatewayRecord): boolean {
  if (filter.fleet !== undefined && filter.fleet !== fleet) return false;
  if (filter.host !== undefined) {
    if (mqtt.host === undefined || normalizeHost(mqtt.host) !== normalizeHost(filter.host)) return false;
  }
  if (filter.q === undefined) return true;
  const wanted = filter.q.toLowerCase();
  return gatewayId.toLowerCase().includes(wanted) || (name ?? '').toLowerCase().includes(wanted);
}

export function fitsStatus(filter: GatewayFilter, status: { code: StatusCode; class: StatusClass }): boolean {
  return (
    (filter.code === undefined || filter.code === status.code) &&
    (filter.class === undefined || filter.class === status.class)
  );
}
