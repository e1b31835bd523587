import type { GatewayCheckpoint, GatewayRecord } from '@gatecast/shared/model';

/** One stay of a gateway in a fleet: the messages that carry this incarnation and number of moves are its line. */
export interface LineName {
  readonly incarnation: string;
  readonly moves?: number;
}

export function isSameLine(one: LineName, other: LineName): boolean {
  return one.incarnation === other.incarnation && (one.moves ?? 0) === (other.moves ?? 0);
}

/**
 * Where a gateway is, seen from one fleet.
 * - `here`: to be served. Also when its registration names another fleet already: it is, until its line ends.
 * - `coming`: it was moved here, and nobody here has taken it over yet.
 * - `elsewhere`: not, or no longer, a matter of this fleet.
 */
export type Place =
  | { kind: 'here'; moves: number }
  | { kind: 'coming'; moves: number; from: string }
  | { kind: 'elsewhere' };

const ELSEWHERE: Place = { kind: 'elsewhere' };

/** @param entry what the fleet's record says of the gateway; of another registration it counts for nothing */
export function placeOf(gateway: GatewayRecord, fleet: string, entry: GatewayCheckpoint | undefined): Place {
  const { moves = 0, movedFrom, incarnation } = gateway;
  const own = entry?.i === incarnation ? entry : undefined;
  const isOwned = (line: number) => own?.m === undefined && (own?.g ?? 0) === line;
  if (gateway.fleet === fleet) {
    if (movedFrom === undefined || isOwned(moves)) return { kind: 'here', moves };
    return { kind: 'coming', moves, from: movedFrom };
  }
  return movedFrom === fleet && isOwned(moves - 1) ? { kind: 'here', moves: moves - 1 } : ELSEWHERE;
}
