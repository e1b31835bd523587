import { isGatecastError } from '@gatecast/shared/errors';
import { withDeadline } from '@gatecast/shared/lifecycle';
import { type Failure, TIMED_OUT } from '../domain/failure.ts';
import type { SessionSettings } from '../domain/session-settings.ts';
import type { PartitionContext } from './context.ts';
import type { ConnectOptions, ConnectResult } from './ports.ts';

/** Waiting for a turn is worth telling when it lasts. */
const TOLD_AFTER_MS = 2_000;

/** How much longer than its deadline an attempt that is called off may take to say so, ms. */
const GRACE_MS = 1_000;

const TOO_LONG: ConnectResult = { ok: false, failure: { phase: 'tcp', code: TIMED_OUT } };

/**
 * Waits until an attempt to connect to this broker may begin. False when `signal` aborted first.
 * @param onLong called once when the wait lasts
 */
export async function waitForTurn(
  { host, port }: SessionSettings,
  { connectQueue, clock, observer }: PartitionContext,
  signal: AbortSignal,
  onLong: () => void,
): Promise<boolean> {
  const began = clock.monotonic();
  const timer = clock.setTimeout(onLong, TOLD_AFTER_MS);
  const isTurn = await connectQueue.next(`${host}:${port}`, signal);
  timer.cancel();
  observer.turnAwaited(clock.monotonic() - began);
  return isTurn;
}

/**
 * One attempt with an end in sight: each phase has its deadline, and so has the whole, from resolving the name to a
 * session that is ready. A session that comes too late is cut.
 */
export async function connectInTime(
  settings: SessionSettings,
  options: ConnectOptions,
  { connector, limits, clock }: PartitionContext,
  signal: AbortSignal,
  onEnd: (failure: Failure) => void,
): Promise<ConnectResult> {
  const over = new AbortController();
  const isOver = Promise.withResolvers<void>();
  const callOff = () => {
    over.abort();
    isOver.resolve();
  };
  let isTooLong = false;
  const timer = clock.setTimeout(() => {
    isTooLong = true;
    callOff();
  }, limits.attemptTimeoutMs);
  signal.addEventListener('abort', callOff);
  if (signal.aborted) callOff();
  const wanted = whileWanted(onEnd);
  const attempt = connector.connect(settings, options, over.signal, wanted.onEnd);
  const calledOff = isOver.promise.then(() => withDeadline(attempt, GRACE_MS, 'calling an attempt off', clock));
  try {
    const result = await Promise.race([attempt, calledOff]);
    return isTooLong && !result.ok ? TOO_LONG : result;
  } catch (error) {
    if (!isGatecastError(error, 'STOP_DEADLINE')) throw error;
    wanted.abandon();
    void attempt.then((late) => {
      if (late.ok) late.session.abort();
    });
    return TOO_LONG;
  } finally {
    timer.cancel();
    // The signal lives as long as the session: what hangs on it would.
    signal.removeEventListener('abort', callOff);
  }
}

/** Apart from the attempt: this lives as long as the session, and a closure keeps all that the function around it has. */
function whileWanted(onEnd: (failure: Failure) => void) {
  let isWanted = true;
  return {
    onEnd(failure: Failure) {
      if (isWanted) onEnd(failure);
    },
    abandon() {
      isWanted = false;
    },
  };
}
