import type { GatewayCheckpoint, GatewayRecord } from '@gatecast/shared/model';
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../src/domain/place.ts';

const gateway = (fleet: string, moves?: number, movedFrom?: string): GatewayRecord => ({
  ...{ gatewayId: 'gw-1', workspace: 'ws', fleet, incarnation: 'now', createdAt: '', ingestTokenHash: '', mqtt: {} },
  ...(moves === undefined ? {} : { moves }),
  ...(movedFrom === undefined ? {} : { movedFrom }),
});
const entry = (more: Partial<GatewayCheckpoint> = {}): GatewayCheckpoint => ({ i: 'now', s: 5, ...more });

type Row = [what: string, gateway: GatewayRecord, entry: GatewayCheckpoint | undefined, place: string];

describe('the place of a gateway, seen from fleet a', () => {
  it.each<Row>([
    ['never moved', gateway('a'), undefined, 'here 0'],
    ['never moved, and recorded', gateway('a'), entry(), 'here 0'],
    ['of another fleet', gateway('b'), undefined, 'elsewhere'],
    ['moved here, and not taken over', gateway('a', 1, 'b'), undefined, 'coming 1'],
    ['moved here, and taken over', gateway('a', 1, 'b'), entry({ g: 1 }), 'here 1'],
    ['moved here in a former life', gateway('a', 1, 'b'), entry({ i: 'before', g: 1 }), 'coming 1'],
    ['leaving', gateway('b', 1, 'a'), entry(), 'here 0'],
    ['leaving, and never recorded', gateway('b', 1, 'a'), undefined, 'here 0'],
    ['given away', gateway('b', 1, 'a'), entry({ m: 'b' }), 'elsewhere'],
    ['coming back', gateway('a', 2, 'b'), entry({ m: 'b' }), 'coming 2'],
    ['back', gateway('a', 2, 'b'), entry({ g: 2 }), 'here 2'],
    ['leaving again', gateway('b', 3, 'a'), entry({ g: 2 }), 'here 2'],
    ['long gone', gateway('c', 2, 'b'), entry({ m: 'b' }), 'elsewhere'],
  ])('%s', (_, record, own, expected) => {
    const place = placeOf(record, 'a', own);
    expect('moves' in place ? `${place.kind} ${place.moves}` : place.kind).toBe(expected);
  });
});
