import { GatecastError } from '@gatecast/shared/errors';
import { type Clock, delay } from '@gatecast/shared/lifecycle';
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

/** What may become of the gateway while its session is being closed. */
export interface Circumstances {
  /** Another process owns it: not a word from then on. */
  aborted: AbortSignal;
  /** Others wait for the end: the gateways of the same partition, with their sessions closed. */
  awaited: AbortSignal;
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

const CHECK_MS = 10;
/**
 * A broker that owes an answer for so long will hardly give it now. Counted from before the stop, too: one that hangs
 * costs the others of its partition, who wait for it with their sessions closed, next to nothing.
 */
const PATIENCE_MS = 300;
/** Answers that are in the socket already get read: after a stall of ours it only looks as if the broker was silent. */
const READ_MS = 50;
/**
 * For the last word, which is in the socket at once: what is waited for is that the broker closes the connection. One
 * that has answered everything may be frozen all the same.
 */
const LAST_WORD_MS = 200;
/** For the same to a broker that does not answer. */
const WORD_TO_SILENCE_MS = 100;

/**
 * Finishes what is in flight, says good-bye, disconnects. All of it takes `drainMs` at most from when others wait for it,
 * and twice that while nobody does. Once aborted, not a word more.
 */
export async function closeSession(
  session: MqttSession,
  pump: DeliveryPump,
  settings: SessionSettings,
  { goodbye, endsSession }: Farewell,
  { aborted, awaited }: Circumstances,
  { limits, clock, log }: PartitionContext,
): Promise<void> {
  const { gatewayId, will } = settings;
  pump.pause();
  const allowance = new Allowance(limits.drainMs, awaited, clock);
  const isDrained = await drain(pump, allowance, aborted, clock);
  const close = async () => {
    if (goodbye !== 'none') await pump.publishExtra(willMessage(will, will.payload), will.qos);
    if (goodbye === 'will_then_cleared') await pump.publishExtra(willMessage(will, ''), will.qos);
    await session.disconnect(pump.idle && endsSession);
  };
  try {
    const lastWordMs = isDrained ? LAST_WORD_MS : WORD_TO_SILENCE_MS;
    await inTime(untilAborted(aborted, close), allowance, lastWordMs, clock);
    if (aborted.aborted) session.abort();
  } catch (error) {
    log.warn({ err: error, gatewayId }, 'the session did not end cleanly');
    session.abort();
  }
}

/** How long closing a session may take, which gets less when others begin to wait for it. */
class Allowance {
  readonly awaited: AbortSignal;
  readonly #drainMs: number;
  readonly #clock: Clock;
  readonly #began: number;
  #awaitedSince: number | undefined;

  constructor(drainMs: number, awaited: AbortSignal, clock: Clock) {
    this.#drainMs = drainMs;
    this.awaited = awaited;
    this.#clock = clock;
    this.#began = clock.monotonic();
  }

  get tookMs(): number {
    return this.#clock.monotonic() - this.#began;
  }

  /** For everything that is left to do. */
  get leftMs(): number {
    const byItself = 2 * this.#drainMs - this.tookMs;
    if (!this.awaited.aborted) return byItself;
    const now = this.#clock.monotonic();
    this.#awaitedSince ??= now;
    return Math.min(byItself, this.#awaitedSince + this.#drainMs - now);
  }

  /** Of that, for what is in flight. */
  get drainMs(): number {
    return this.leftMs - (this.awaited.aborted ? WORD_TO_SILENCE_MS : this.#drainMs);
  }
}

/** Waits for what is under way. False: the broker does not answer. */
async function drain(pump: DeliveryPump, allowance: Allowance, aborted: AbortSignal, clock: Clock): Promise<boolean> {
  while (!pump.idle && !pump.isStuck && !aborted.aborted) {
    const isSilent = allowance.tookMs >= READ_MS && pump.owedForMs >= PATIENCE_MS;
    if (allowance.drainMs <= 0 || (allowance.awaited.aborted && isSilent)) return false;
    await delay(CHECK_MS, clock, aborted);
  }
  return true;
}

/**
 * Waits for `closing` as long as the allowance lets it, and no longer than `lastWordMs` once others wait.
 * @throws {GatecastError} `STOP_DEADLINE`
 */
async function inTime(closing: Promise<void>, allowance: Allowance, lastWordMs: number, clock: Clock): Promise<void> {
  const { awaited } = allowance;
  const closed = new AbortController();
  const deadline = async () => {
    await delay(allowance.leftMs, clock, AbortSignal.any([closed.signal, awaited]));
    if (awaited.aborted) await delay(Math.min(allowance.leftMs, lastWordMs), clock, closed.signal);
    if (!closed.signal.aborted) throw new GatecastError('STOP_DEADLINE', 'closing a session took too long');
  };
  try {
    await Promise.race([closing, deadline()]);
  } finally {
    closed.abort();
  }
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
