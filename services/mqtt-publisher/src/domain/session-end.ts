import type { Failure } from './failure.ts';

/**
 * How a session ended, for the question whether a message is to blame. `closed`: by the broker, unasked (closed, reset,
 * DISCONNECT, a message refused without saying for good). `blamed`: by an MQTT 5 DISCONNECT that speaks of a message it was
 * sent. `unanswered`: given up by us because nothing was answered; the broker hangs. `unrelated`: the broker says why, and
 * it is no message. `ours`: settings, handover, stop.
 */
export type SessionEnd = 'closed' | 'blamed' | 'unanswered' | 'unrelated' | 'ours';

/**
 * Reason codes of DISCONNECT that blame a message: topic name invalid, topic alias invalid, packet too large, payload
 * format invalid [MQTT 5, 3.14.2.1].
 */
const BLAMING: ReadonlySet<number> = new Set([0x90, 0x94, 0x95, 0x99]);

/**
 * Those that have nothing to do with any: server busy, server shutting down, keep alive timeout, session taken over,
 * message rate too high, quota exceeded, administrative action, use another server, server moved, connection rate
 * exceeded, maximum connect time.
 */
const UNRELATED: ReadonlySet<number> = new Set([0x89, 0x8b, 0x8d, 0x8e, 0x96, 0x97, 0x98, 0x9c, 0x9d, 0x9f, 0xa0]);

export function endOfSession(failure: Failure): SessionEnd {
  switch (failure.phase) {
    case 'session':
      if (failure.kind === 'disconnected') return endByReason(failure.reasonCode);
      return failure.kind === 'keep_alive_timeout' || failure.kind === 'ack_timeout' ? 'unanswered' : 'closed';
    case 'publish':
      // A refusal that is not for good: we end the session to send the message again.
      return UNRELATED.has(failure.reasonCode) ? 'unrelated' : 'closed';
    default:
      return 'unrelated';
  }
}

function endByReason(reasonCode: number): SessionEnd {
  if (BLAMING.has(reasonCode)) return 'blamed';
  return UNRELATED.has(reasonCode) ? 'unrelated' : 'closed';
}
