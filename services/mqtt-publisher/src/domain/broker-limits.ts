import type { BrokerLimits } from '@gatecast/shared/model';
import type { Failure } from './failure.ts';
import type { SessionSettings } from './session-settings.ts';

/** What a broker takes, as far as it has said so. */
export interface Capabilities {
  maximumQos: 0 | 1 | 2;
  retainAvailable: boolean;
  /** Bytes; infinity when there is no limit. */
  maximumPacketSize: number;
}

/** `settings` as they can be kept at a broker with these capabilities. */
export function withinCapabilities(
  settings: SessionSettings,
  { maximumQos }: Pick<Capabilities, 'maximumQos'>,
): SessionSettings {
  return settings.qos <= maximumQos ? settings : { ...settings, qos: maximumQos };
}

/**
 * The settings for the next attempt after a broker has refused the will for its QoS or retain flag (section 3.2.2.2 of
 * MQTT 5): the same with a lesser will. Undefined when that is not why, or nothing is left to lower.
 */
export function withLesserWill(settings: SessionSettings, failure: Failure): SessionSettings | undefined {
  const { will } = settings;
  if (failure.phase !== 'connack' || failure.kind !== 'refused' || !will.enabled) return undefined;
  if (failure.reasonCode === 0x9a && will.retain) return { ...settings, will: { ...will, retain: false } };
  if (failure.reasonCode !== 0x9b || will.qos === 0) return undefined;
  return { ...settings, will: { ...will, qos: will.qos === 2 ? 1 : 0 } };
}

/**
 * How a session falls short of what was asked for; undefined when it does not.
 * @param used the settings of the attempt that succeeded: the will may be a lesser one
 */
export function shortfall(
  asked: SessionSettings,
  used: SessionSettings,
  capabilities: Capabilities,
): BrokerLimits | undefined {
  const { qos } = withinCapabilities(used, capabilities);
  const limits: BrokerLimits = {};
  if (qos !== 2 && qos < asked.qos) limits.qos = qos;
  if (!capabilities.retainAvailable) limits.retain = false;
  if (asked.will.enabled) {
    if (used.will.qos !== 2 && used.will.qos < asked.will.qos) limits.willQos = used.will.qos;
    if (asked.will.retain && !used.will.retain) limits.willRetain = false;
  }
  return Object.keys(limits).length === 0 ? undefined : limits;
}
