import {
  type BrokerLimits,
  completeIntegration,
  type GatewayRecord,
  isActive,
  type StatusClass,
  type StatusCode,
  type StatusReason,
  type StatusRecord,
} from '@gatecast/shared/model';
import { withoutUndefined } from '../without-undefined.ts';
import type { OwnerFacts } from './lease-liveness.ts';

/** Readings that wait longer than this for the encoder are a matter of the platform, ms. */
export const ENCODER_BEHIND_MS = 30_000;

export interface StatusFacts {
  gateway: GatewayRecord;
  /** What the session's owner has said last. */
  record: StatusRecord | undefined;
  publisher: OwnerFacts;
  /** The gateway is on its way to another fleet, and nobody serves it; `publisher` is the one that will. */
  isMoving?: boolean;
  encoder: OwnerFacts;
  /** When the oldest reading of the gateway's partition that is not encoded yet was accepted, ms since the epoch. */
  oldestUnencodedAt: number | undefined;
  /** ms since the epoch */
  now: number;
}

/** The state of an integration as it may be shown. Times are ISO 8601. */
export interface CombinedStatus {
  code: StatusCode;
  class: StatusClass;
  reason: StatusReason;
  message: string;
  /** Green on the display. */
  active: boolean;
  since: string;
  /** The later of the last change and the owner's last heartbeat. */
  updated: string;
  host?: string;
  /** Connection attempts since the last success. */
  attempt: number;
  nextAttemptAt?: string;
  /** With MQTT 5: the keep-alive that the broker imposed, seconds. */
  serverKeepAliveSeconds?: number;
  /** With MQTT 5: what the broker does less than the settings ask for. */
  brokerLimits?: BrokerLimits;
  /** The last reading of a gateway that is shown offline because none comes. */
  silentSince?: string;
  /** The live owner of the session. */
  owner?: { instance: string; epoch: number };
}

/**
 * What is true now, from the last record and from who is alive: a dead publisher leaves no green record behind. In
 * order: off and confirmed; nobody there; nothing said yet; what the owner reports, unless that all is well while the
 * readings do not even reach it.
 */
export function combineStatus(facts: StatusFacts): CombinedStatus {
  const { gateway, publisher } = facts;
  const record = facts.record?.incarnation === gateway.incarnation ? facts.record : undefined;
  if (!publisher.live) return withoutOwner(facts, record);
  if (facts.isMoving) return moving(facts);
  if (!record || isOfFormerOwner(record, publisher) || isOutdated(gateway, record)) return unreported(facts);
  const reported = fromRecord(facts, record);
  if (reported.class !== 'ok' && reported.class !== 'pending') return reported;
  return encoderTrouble(facts, reported) ?? reported;
}

function isOfFormerOwner({ owner }: StatusRecord, publisher: OwnerFacts): boolean {
  return owner.epoch < publisher.sinceEpoch || owner.instance !== publisher.instance;
}

/** The integration has been switched on, and its owner, who writes at most every two seconds, has not said so yet. */
function isOutdated(gateway: GatewayRecord, { code }: StatusRecord): boolean {
  const { enabled } = completeIntegration(gateway.gatewayId, gateway.mqtt);
  return enabled && code === 'MQTT_INFO_DISABLED_BY_USER';
}

function fromRecord({ publisher }: StatusFacts, record: StatusRecord): CombinedStatus {
  const { code, class: statusClass, reason, message, since, host, attempt, nextAttemptAt, owner } = record;
  return withoutUndefined({
    code,
    class: statusClass,
    reason,
    message,
    active: isActive(code),
    since,
    updated: latest(record.updated, publisher.renewedAt),
    host,
    attempt,
    nextAttemptAt,
    serverKeepAliveSeconds: record.serverKeepAliveSeconds,
    brokerLimits: record.brokerLimits,
    silentSince: record.silentSince,
    owner,
  });
}

function withoutOwner(facts: StatusFacts, record: StatusRecord | undefined): CombinedStatus {
  const { gateway, publisher } = facts;
  const { enabled, host } = completeIntegration(gateway.gatewayId, gateway.mqtt);
  if (!enabled && (!record || record.code === 'MQTT_INFO_DISABLED_BY_USER')) return off(facts, record, host);
  const message = 'No publisher is serving this gateway’s fleet; its messages are kept until one does.';
  const since = latest(gateway.createdAt, record?.updated, publisher.renewedAt);
  return derived(facts, 'MQTT_WARNING_CONNECTING', 'platform', 'no_owner', message, since);
}

function off(facts: StatusFacts, record: StatusRecord | undefined, host: string | undefined): CombinedStatus {
  const [reason, message] =
    host === undefined
      ? (['no_host', 'The integration is off: no host is set.'] as const)
      : (['disabled', 'The integration is switched off.'] as const);
  const since = record?.since ?? facts.gateway.createdAt;
  return derived(facts, 'MQTT_INFO_DISABLED_BY_USER', 'off', reason, message, since);
}

function moving(facts: StatusFacts): CombinedStatus {
  const { gateway } = facts;
  const { enabled, host } = completeIntegration(gateway.gatewayId, gateway.mqtt);
  if (!enabled) return off(facts, undefined, host);
  const message = 'The gateway is on its way to another fleet; its messages are kept until that has taken it over.';
  const since = latest(gateway.createdAt, facts.record?.updated);
  const status = derived(facts, 'MQTT_WARNING_CONNECTING', 'pending', 'moving', message, since);
  return encoderTrouble(facts, status) ?? status;
}

/** A live owner has not said anything of this gateway yet. */
function unreported(facts: StatusFacts): CombinedStatus {
  const { gateway } = facts;
  const { enabled, host } = completeIntegration(gateway.gatewayId, gateway.mqtt);
  if (!enabled) return off(facts, undefined, host);
  const message = 'The publisher has not tried to connect yet.';
  const starting = derived(facts, 'MQTT_WARNING_CONNECTING', 'pending', 'starting', message, gateway.createdAt);
  return encoderTrouble(facts, starting) ?? starting;
}

/** `status` as it is while readings do not get as far as the publisher; undefined when they do. */
function encoderTrouble(facts: StatusFacts, status: CombinedStatus): CombinedStatus | undefined {
  const { encoder, oldestUnencodedAt, now } = facts;
  const isBehind = oldestUnencodedAt !== undefined && now - oldestUnencodedAt > ENCODER_BEHIND_MS;
  if (encoder.live && !isBehind) return undefined;
  const since = encoder.live
    ? new Date(oldestUnencodedAt ?? now).toISOString()
    : latest(facts.gateway.createdAt, encoder.renewedAt);
  return {
    ...status,
    code: 'MQTT_WARNING_CONNECTING',
    class: 'platform',
    reason: 'encoder_behind',
    active: false,
    message: encoder.live
      ? 'Readings are accepted, but wait longer than 30 s to be prepared for the broker.'
      : 'Readings are accepted, but nothing prepares them for the broker at the moment.',
    since,
  };
}

function derived(
  { gateway, publisher }: StatusFacts,
  code: StatusCode,
  statusClass: StatusClass,
  reason: StatusReason,
  message: string,
  since: string,
): CombinedStatus {
  const { instance, sinceEpoch } = publisher;
  const isKnown = publisher.live && instance !== undefined && sinceEpoch > 0;
  return withoutUndefined({
    code,
    class: statusClass,
    reason,
    message,
    active: isActive(code),
    since,
    updated: latest(since, publisher.renewedAt),
    host: gateway.mqtt.host,
    attempt: 0,
    owner: isKnown ? { instance, epoch: sinceEpoch } : undefined,
  });
}

/** The latest of ISO 8601 times in UTC, which sort as text; those that are unknown do not count. */
function latest(first: string, ...others: (string | undefined)[]): string {
  return others.reduce<string>((latest, time) => (time !== undefined && time > latest ? time : latest), first);
}
