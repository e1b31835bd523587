import type { MqttMessage } from '@gatecast/shared/outbox';
import type { Batch } from './batch.ts';

/**
 * - `queued`: to be sent.
 * - `sent`: PUBLISH is out.
 * - `received`: the broker has it and waits for our PUBREL (QoS 2).
 * - `released`: PUBREL is out.
 * - `acknowledged`: PUBACK or PUBCOMP has come, or, at QoS 0, it has left the socket.
 * - `refused`: the broker refused it for good; it is not in DEADLETTER yet.
 * - `aside`: it is.
 * - `held`: not to be sent in this session: it may be what the former ones ended with.
 */
export type LaneItemState = 'queued' | 'sent' | 'received' | 'released' | 'acknowledged' | 'refused' | 'aside' | 'held';

/** One message on its way to the broker, or a gap: messages that the waiting room's limits have cost. */
export interface LaneItem {
  /** The gateway's counter; for a gap its first … */
  readonly counter: number;
  /** … and last. */
  readonly last: number;
  /** Undefined for a gap, and for what a predecessor sent until it has been read again. */
  message: MqttMessage | undefined;
  batch: Batch | undefined;
  state: LaneItemState;
  /** Whether it will never be sent (again). Its packet id may still have to be released. */
  lost: boolean;
  /** Lost on purpose: it is in DEADLETTER. */
  isPoison: boolean;
  /** Whether the broker has refused it for good, the last time that it was sent: then it has not passed it on. */
  isRefused: boolean;
  /** Whether its content cannot be read again: the broker has it, or nobody has. */
  gone: boolean;
}

/** A message that is to be sent, or a gap. */
export function newItem(counter: number, last = counter): LaneItem {
  return {
    counter,
    last,
    message: undefined,
    batch: undefined,
    state: 'queued',
    lost: false,
    gone: false,
    isPoison: false,
    isRefused: false,
  };
}

export function isDone(item: LaneItem): boolean {
  return item.state === 'acknowledged' || item.state === 'aside';
}

export function isInFlight({ state }: LaneItem): boolean {
  return state === 'sent' || state === 'received' || state === 'released' || state === 'refused';
}

/** Done ones too: a repeat must not look like a gap. */
export function isMissing(item: LaneItem): boolean {
  return item.message === undefined && !item.gone;
}

/** Its content is nowhere: if the broker does not have it, it is lost. */
export function giveUp(item: LaneItem): void {
  item.gone = true;
  if (item.state === 'queued') item.lost = true;
}
