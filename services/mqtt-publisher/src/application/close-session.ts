import { type Clock, delay, withDeadline } from '@gatecast/shared/lifecycle';
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
  /** Others wait for it: the gateways of the same partition, with their sessions closed. */
  isAwaited: boolean;
}

/** For a successor, or ourselves a moment later. */
export const IN_SILENCE: Farewell = { goodbye: 'none', endsSession: false, isAwaited: true };

/** For a session that is replaced by another one, or by none. */
export function farewellOf(before: SessionSettings, after: DesiredSession): Farewell {
  const stale = leavesStaleWill(before, after) ? 'will_then_cleared' : 'will';
  return {
    goodbye: before.will.enabled ? stale : 'none',
    endsSession: !after.settings || identityOf(before) !== identityOf(after.settings),
    isAwaited: false,
  };
}

const CHECK_MS = 10;
/**
 * A broker that owes an answer for so long will hardly give it now. Counted from before the stop, too: one that hangs
 * costs the others of its partition, who wait for it with their sessions closed, next to nothing.
 */
const PATIENCE_MS = 300;
/** Answers that are in the socket already get read: after a stall of ours it only looks as if the broker was silent. */
const READ_MS = 50;
/** For the last word to a broker that does not answer. */
const LAST_WORD_MS = 100;

/**
 * Finishes what is in flight, says good-bye, disconnects; all of it within `drainMs`, or twice that when nobody waits for
 * it. Once `aborted`, another process owns the gateway: from then on not a word.
 */
export async function closeSession(
  session: MqttSession,
  pump: DeliveryPump,
  settings: SessionSettings,
  { goodbye, endsSession, isAwaited }: Farewell,
  aborted: AbortSignal,
  { limits, clock, log }: PartitionContext,
): Promise<void> {
  const { gatewayId, will } = settings;
  pump.pause();
  const began = clock.monotonic();
  const patience = isAwaited
    ? { totalMs: limits.drainMs - LAST_WORD_MS, answerMs: PATIENCE_MS }
    : { totalMs: limits.drainMs, answerMs: Number.POSITIVE_INFINITY };
  const isDrained = await drain(pump, patience, clock, aborted);
  const close = async () => {
    if (goodbye !== 'none') await pump.publishExtra(willMessage(will, will.payload), will.qos);
    if (goodbye === 'will_then_cleared') await pump.publishExtra(willMessage(will, ''), will.qos);
    await session.disconnect(pump.idle && endsSession);
  };
  const untilMs = isAwaited ? limits.drainMs : 2 * limits.drainMs;
  const leftMs = untilMs - (clock.monotonic() - began);
  try {
    const closingMs = isDrained || !isAwaited ? leftMs : Math.min(leftMs, LAST_WORD_MS);
    await withDeadline(untilAborted(aborted, close), closingMs, 'closing a session', clock);
    if (aborted.aborted) session.abort();
  } catch (error) {
    log.warn({ err: error, gatewayId }, 'the session did not end cleanly');
    session.abort();
  }
}

/** Waits for what is under way. False: the broker does not answer. */
async function drain(
  pump: DeliveryPump,
  { totalMs, answerMs }: { totalMs: number; answerMs: number },
  clock: Clock,
  aborted: AbortSignal,
): Promise<boolean> {
  const began = clock.monotonic();
  while (!pump.idle && !pump.isStuck && !aborted.aborted) {
    const tookMs = clock.monotonic() - began;
    if (tookMs >= totalMs || (tookMs >= READ_MS && pump.owedForMs >= answerMs)) return false;
    await delay(CHECK_MS, clock, aborted);
  }
  return true;
}

/** Does not begin, or does not wait for the end, when `aborted` says so. */
async function untilAborted(aborted: AbortSignal, action: () => Promise<void>): Promise<void> {
  if (aborted.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const onAbort = () => resolve();
  aborted.addEventListener('abort', onAbort);
  try {
    await Promise.race([action(), promise]);
  } finally {
    aborted.removeEventListener('abort', onAbort);
  }
}

export function willMessage({ topic, retain }: SessionSettings['will'], payload: string) {
  return { topic, payload: Buffer.from(payload, 'utf8'), retain };
}
