import { delay, withDeadline } from '@gatecast/shared/lifecycle';
import type { SessionSettings } from '../domain/session-settings.ts';
import type { PartitionContext } from './context.ts';
import type { DeliveryPump } from './delivery-pump.ts';
import type { MqttSession } from './ports.ts';

/** What is said at the broker before a session is closed: nothing, the will's payload, or that and then nothing kept. */
export type Goodbye = 'none' | 'will' | 'will_then_cleared';

/**
 * Finishes what is in flight, says good-bye, disconnects; all of it within twice `drainMs`. With `endsSession` the broker
 * may forget the session, unless messages are left in it.
 */
export async function closeSession(
  session: MqttSession,
  pump: DeliveryPump,
  settings: SessionSettings,
  { goodbye, endsSession }: { goodbye: Goodbye; endsSession: boolean },
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
