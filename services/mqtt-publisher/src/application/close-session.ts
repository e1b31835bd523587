import { delay, withDeadline } from '@gatecast/shared/lifecycle';
import { type DesiredSession, leavesStaleWill, type SessionSettings } from '../domain/session-settings.ts';
import type { PartitionContext } from './context.ts';
import type { DeliveryPump } from './delivery-pump.ts';
import { identityOf } from './exactly-once.ts';
import type { MqttSession } from './ports.ts';

/** How a session is left. */
export interface Farewell {
  /** What is said at the broker before: nothing, the will's payload, or that and then nothing kept. */
  goodbye: 'none' | 'will' | 'will_then_cleared';
  /** Nobody will come back to the broker's session; one that still holds messages is kept all the same. */
  endsSession: boolean;
}

/** For a successor, or ourselves a moment later. */
export const IN_SILENCE: Farewell = { goodbye: 'none', endsSession: false };

/** For a session that is replaced by another one, or by none. */
export function farewellOf(before: SessionSettings, after: DesiredSession): Farewell {
  const stale = leavesStaleWill(before, after) ? 'will_then_cleared' : 'will';
  return {
    goodbye: before.will.enabled ? stale : 'none',
    endsSession: !after.settings || identityOf(before) !== identityOf(after.settings),
  };
}

/**
 * Finishes what is in flight, says good-bye, disconnects; all of it within twice `drainMs`. With `endsSession` the broker
 * may forget the session, unless messages are left in it.
 */
export async function closeSession(
  session: MqttSession,
  pump: DeliveryPump,
  settings: SessionSettings,
  { goodbye, endsSession }: Farewell,
  { limits, clock, log }: PartitionContext,
): Promise<void> {
  const { gatewayId, will } = settings;
  pump.pause();
  const close = async () => {
    const until = clock.monotonic() + limits.drainMs;
    while (!pump.idle && clock.monotonic() < until) await delay(10, clock);
    if (goodbye !== 'none') await pump.publishExtra(willMessage(will, will.payload), will.qos);
    if (goodbye === 'will_then_cleared') await pump.publishExtra(willMessage(will, ''), will.qos);
    await session.disconnect(pump.idle && endsSession);
  };
  try {
    await withDeadline(close(), 2 * limits.drainMs, 'closing a session', clock);
  } catch (error) {
    log.warn({ err: error, gatewayId }, 'the session did not end cleanly');
    session.abort();
  }
}

export function willMessage({ topic, retain }: SessionSettings['will'], payload: string) {
  return { topic, payload: Buffer.from(payload, 'utf8'), retain };
}
