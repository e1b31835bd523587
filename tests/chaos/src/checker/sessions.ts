import type { SessionEvent } from './evidence.ts';

export interface SessionFindings {
  /** CONNECTs that the broker saw. */
  connects: number;
  /** PUBLISH packets of a session of a lower epoch, taken after a higher epoch's CONNECT. */
  stalePublishes: number;
  /** CONNECTs of a lower epoch after a higher one's: a former owner came back and fought for the client id. */
  staleConnects: number;
}

/** Events of one gateway, in the order in which its broker saw them. Sessions that name no epoch are never stale. */
export function inspectSessions(events: readonly SessionEvent[]): SessionFindings {
  const findings: SessionFindings = { connects: 0, stalePublishes: 0, staleConnects: 0 };
  const epochs = new Map<number, number>();
  let highest = Number.NEGATIVE_INFINITY;
  for (const event of events) {
    if (event.kind === 'connect') {
      findings.connects += 1;
      if (event.epoch === undefined) continue;
      epochs.set(event.connection, event.epoch);
      if (event.epoch < highest) findings.staleConnects += 1;
      highest = Math.max(highest, event.epoch);
    } else if ((epochs.get(event.connection) ?? highest) < highest) {
      findings.stalePublishes += 1;
    }
  }
  return findings;
}
