import type { SessionEvent } from './evidence.ts';

export interface SessionFindings {
  /** CONNECTs that the broker saw. */
  connects: number;
  /** PUBLISH packets of a former owner's session, taken after a later owner's CONNECT. */
  stalePublishes: number;
  /** CONNECTs of a former owner after a later one's: it came back and fought for the client id. */
  staleConnects: number;
}

/** A later owner has more moves, or as many and a higher epoch. */
interface Owner {
  readonly moves: number;
  readonly epoch: number;
}

/** Events of one gateway, in the order in which its broker saw them. Sessions that name no epoch are never stale. */
export function inspectSessions(events: readonly SessionEvent[]): SessionFindings {
  const findings: SessionFindings = { connects: 0, stalePublishes: 0, staleConnects: 0 };
  const owners = new Map<number, Owner>();
  let latest: Owner = { moves: 0, epoch: Number.NEGATIVE_INFINITY };
  for (const event of events) {
    if (event.kind === 'connect') {
      findings.connects += 1;
      const { epoch, moves } = event;
      if (epoch === undefined) continue;
      const owner = { epoch, moves };
      owners.set(event.connection, owner);
      if (isBefore(owner, latest)) findings.staleConnects += 1;
      else latest = owner;
    } else if (isBefore(owners.get(event.connection) ?? latest, latest)) {
      findings.stalePublishes += 1;
    }
  }
  return findings;
}

function isBefore(one: Owner, other: Owner): boolean {
  return one.moves === other.moves ? one.epoch < other.epoch : one.moves < other.moves;
}
