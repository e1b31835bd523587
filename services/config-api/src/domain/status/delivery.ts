import type { GatewayCheckpoint, GatewayEncoderPosition } from '@gatecast/shared/model';
import { withoutUndefined } from '../without-undefined.ts';

/** What became of a gateway's messages since its registration. */
export interface Delivery {
  /** Acknowledged by the broker, or, at QoS 0, sent. */
  delivered: number;
  /** ISO 8601 */
  lastDeliveredAt?: string;
  /** In the waiting room. */
  waiting: number;
  /** Lost to limits. */
  lost: number;
  /** Every message up to this counter is settled. */
  settled: number;
  /** QoS 2: sent again because the broker had lost its session, so that they may have arrived twice. */
  downgraded?: number;
  /** QoS 2: released in a session that the broker may have made anew unseen; if it had, they are lost. */
  unproven?: number;
}

/** Reads a publisher's record of one gateway; that of another registration counts as empty. */
export function deliveryOf(checkpoint: GatewayCheckpoint | undefined, incarnation: string): Delivery {
  if (!checkpoint || checkpoint.i !== incarnation) return { delivered: 0, waiting: 0, lost: 0, settled: 0 };
  const { s: settled, h: handled = 0, l: lost = 0, x: setAside = 0, t, d: downgraded, e: unproven } = checkpoint;
  return withoutUndefined({
    delivered: Math.max(0, settled - lost - setAside),
    lastDeliveredAt: t === undefined ? undefined : new Date(t).toISOString(),
    waiting: Math.max(0, handled - settled),
    lost,
    settled,
    downgraded,
    unproven,
  });
}

/** A gateway that misses so many measurement intervals in a row is no longer online. */
const ONLINE_INTERVALS = 3;

export interface Presence {
  online: boolean;
  /** ISO 8601: when its last batch was accepted. */
  lastSeenAt?: string;
}

/** Whether a gateway sends, from the encoder's record of it. `now`: ms since the epoch. */
export function presenceOf(
  position: GatewayEncoderPosition | undefined,
  incarnation: string,
  measurementIntervalSeconds: number,
  now: number,
): Presence {
  if (position?.i !== incarnation || position.t === undefined) return { online: false };
  return {
    online: now - position.t <= ONLINE_INTERVALS * measurementIntervalSeconds * 1000,
    lastSeenAt: new Date(position.t).toISOString(),
  };
}
