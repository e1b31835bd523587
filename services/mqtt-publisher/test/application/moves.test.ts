import { GatecastError } from '@gatecast/shared/errors';
import { leaseKeyOf } from '@gatecast/shared/ownership';
import { describe, expect, it } from 'vitest';
import { upTo } from '../support/batches.ts';
import { type FakePublisher, LEASE_TTL_MS, MoveWorld } from '../support/move-world.ts';

const LONG_MS = 20_000;
const AWAY = new GatecastError('NATS_UNAVAILABLE', 'away', { retryable: true });

/** A gateway in east, served there, with eight messages of which the broker has those that came before it went away. */
async function served(broker: 'up' | 'away'): Promise<{ world: MoveWorld; east: FakePublisher }> {
  const world = new MoveWorld();
  await world.holdLease('east');
  const east = await world.start('east');
  world.fleet('east').outbox.emit(1, 3);
  await world.clock.advance(500);
  expect(world.broker.counters).toEqual([1, 2, 3]);
  if (broker === 'away') {
    world.broker.goAway();
    await world.clock.advance(4_000);
  }
  world.fleet('east').outbox.emit(4, 6);
  world.fleet('east').outbox.emit(7, 8);
  if (broker === 'away') await world.clock.advance(500);
  return { world, east };
}

/** The encoder ends the line and goes on in the other one. */
function encoderMoves(world: MoveWorld, from: string, to: string, next: number, moves = 0): void {
  world.fleet(from).outbox.end(next, to, moves);
  world.fleet(to).outbox.emit(next, next + 1, moves + 1);
}

/** No session was used after a later one was begun. */
function expectOneSessionAtATime(world: MoveWorld): void {
  const sessions = world.broker.received.map(({ session }) => session);
  expect(sessions).toEqual(sessions.toSorted((a, b) => a - b));
}

const entry = (world: MoveWorld, fleet: string) => world.fleet(fleet).checkpoints.stored?.gateways['gw-1'];

describe('a gateway that moves to another fleet', () => {
  it('is served by its old owner until its line ends, then by the new one', async () => {
    const { world } = await served('up');
    await world.start('west');
    world.move('west');
    world.fleet('east').outbox.emit(9, 9);
    await world.clock.advance(LONG_MS);
    expect([world.broker.counters, world.broker.sessions]).toEqual([upTo(9), 1]);
    encoderMoves(world, 'east', 'west', 10);
    await world.clock.advance(LONG_MS);
    expect([world.broker.counters, world.broker.sessions]).toEqual([upTo(11), 2]);
    expect(world.broker.received).toHaveLength(11);
    expect(entry(world, 'east')).toMatchObject({ s: 9, m: 'west' });
    expect(entry(world, 'west')).toMatchObject({ s: 11, g: 1 });
    expect(world.fleet('east').checkpoints.stored?.seq).toBe(5);
    expect(world.fleet('west').checkpoints.stored?.seq).toBe(1);
  });

  it.each([
    ['as soon as that has given it away', false, 100],
    ['a second later at most, when nobody heard of that', true, 1_100],
  ])('goes on with its new owner, which has waited for the old one, %s', async (_when, isQuiet, withinMs) => {
    const { world, east } = await served('up');
    const { checkpoints } = world.fleet('east');
    east.kill();
    await world.start('west');
    world.move('west');
    encoderMoves(world, 'east', 'west', 9);
    await world.clock.advance(LONG_MS);
    expect([world.broker.sessions, checkpoints.followers]).toEqual([1, 1]);
    checkpoints.isQuiet = isQuiet;
    await world.start('east');
    while (entry(world, 'east')?.m === undefined) await world.clock.advance(1);
    await world.clock.advance(withinMs);
    expect(world.broker.counters).toEqual(upTo(10));
    expect(checkpoints.followers).toBe(0);
  });

  it('takes along what waits for its broker', async () => {
    const { world } = await served('away');
    await world.start('west');
    world.move('west');
    encoderMoves(world, 'east', 'west', 9);
    await world.clock.advance(LONG_MS);
    // The newest batch of the fleet stays in any case.
    expect(world.fleet('east').backlog.waiting('gw-1')).toEqual([[7, 8]]);
    expect(entry(world, 'west')).toMatchObject({ s: 3, h: 10, g: 1 });
    world.broker.isAway = false;
    await world.clock.advance(LONG_MS);
    expect(world.broker.counters).toEqual(upTo(10));
    expect(world.broker.received).toHaveLength(10);
  });

  it('takes along all that is recorded of it', async () => {
    const world = new MoveWorld();
    world.broker.isAway = true;
    const before = { i: 'first', s: 8, r: 8, l: 1, x: 2, d: 3, b: 'session', a: 5, q: 1 } as const;
    world
      .fleet('east')
      .checkpoints.overwrite({ epoch: 1, seq: 9, gateways: { 'gw-1': { ...before, v: 4, m: 'west' } } });
    await world.start('west');
    world.move('west');
    await world.clock.advance(LONG_MS);
    const { r: _settled, ...after } = before;
    expect(entry(world, 'west')).toEqual({ ...after, g: 1 });
    // Which decision that holds means something to its writer alone.
    expect(world.fleet('west').checkpoints.writes.filter(({ gateways }) => gateways['gw-1']?.v)).toEqual([]);
  });

  it('has been heard on its way', async () => {
    const { world } = await served('up');
    world.fleet('east').checkpoints.failure = AWAY;
    await world.start('west');
    world.move('west');
    await world.clock.advance(1_000);
    encoderMoves(world, 'east', 'west', 9);
    const heardAt = world.clock.now();
    await world.clock.advance(LONG_MS);
    expect(world.broker.sessions).toBe(1);
    world.fleet('east').checkpoints.failure = undefined;
    await world.clock.advance(LONG_MS);
    expect(entry(world, 'west')).toMatchObject({ s: 10, a: heardAt });
  });

  it('is found to be here, and to have a waiting room, by an owner that hears of the move late', async () => {
    const { world } = await served('away');
    const west = await world.start('west');
    const { gateway: former } = world;
    world.move('west');
    encoderMoves(world, 'east', 'west', 9);
    await world.clock.advance(LONG_MS);
    expect(entry(world, 'west')).toMatchObject({ s: 3, h: 10 });
    west.kill();
    const { gateway: moved } = world;
    world.gateway = former;
    const successor = await world.start('west');
    await world.clock.advance(LONG_MS);
    expect([...successor.partition.gateways()]).toEqual([]);
    world.gateway = moved;
    successor.partition.gatewayChanged('gw-1', moved);
    world.broker.isAway = false;
    await world.clock.advance(LONG_MS);
    expect(world.broker.counters).toEqual(upTo(10));
    expect(world.observer.counts.lost ?? 0).toBe(0);
  });

  it('waits for the end of its line, for an owner that lives, and for a lease that has just gone', async () => {
    const { world, east } = await served('up');
    east.kill();
    await world.start('west');
    world.move('west');
    await world.clock.advance(LONG_MS);
    expect(world.broker.sessions).toBe(1);
    encoderMoves(world, 'east', 'west', 9);
    await world.clock.advance(LONG_MS);
    expect(world.broker.sessions).toBe(1);
    world.loseLease('east');
    await world.clock.advance(LEASE_TTL_MS - 500);
    expect(world.broker.sessions).toBe(1);
    await world.clock.advance(LONG_MS);
    expect(world.broker.counters).toEqual(upTo(10));
    expect(await world.leases.get(leaseKeyOf('publisher', 'east', 0))).toBeUndefined();
  });

  it('is let go of by an old owner that was paused meanwhile', async () => {
    const { world, east } = await served('up');
    east.lease.valid = false;
    await world.start('west');
    world.loseLease('east');
    world.move('west');
    encoderMoves(world, 'east', 'west', 9);
    await world.clock.advance(LONG_MS);
    const before = world.broker.received.length;
    // Worse than what can be: its clock says that the lease still holds.
    east.lease.valid = true;
    east.partition.resume();
    await world.clock.advance(LONG_MS);
    expect(east.isSuperseded).toBe(true);
    expect(world.broker.received).toHaveLength(before);
    expect(entry(world, 'east')?.m).toBe('west');
    expectOneSessionAtATime(world);
  });

  it('is no matter of a later owner of the old fleet', async () => {
    const { world, east } = await served('up');
    east.kill();
    world.loseLease('east');
    await world.start('west');
    world.move('west');
    encoderMoves(world, 'east', 'west', 9);
    await world.clock.advance(LONG_MS);
    const { sessions } = world.broker;
    await world.start('east');
    await world.clock.advance(LONG_MS);
    expect(world.broker.sessions).toBe(sessions);
    expect(world.fleet('east').checkpoints.stored).toMatchObject({ seq: 4, gateways: { 'gw-1': { m: 'west' } } });
  });

  it('comes back, with what its former stay has left in the outbox', async () => {
    const { world } = await served('up');
    await world.start('west');
    for (const [to, from, moves] of [
      ['west', 'east', 0],
      ['east', 'west', 1],
      ['west', 'east', 2],
    ] as const) {
      world.move(to);
      encoderMoves(world, from, to, 9 + 2 * moves, moves);
      await world.clock.advance(LONG_MS);
    }
    await world.start('east');
    await world.clock.advance(LONG_MS);
    expect([world.broker.counters, world.broker.sessions]).toEqual([upTo(14), 4]);
    expect(world.broker.received).toHaveLength(14);
  });

  it('is forgotten on its way when it is deleted', async () => {
    const { world, east } = await served('up');
    const west = await world.start('west');
    world.move('west');
    for (const { partition } of [east, west]) partition.gatewayChanged('gw-1', undefined);
    encoderMoves(world, 'east', 'west', 9);
    world.gateway = { ...world.gateway, value: { ...world.gateway.value, incarnation: 'second', fleet: 'elsewhere' } };
    await world.clock.advance(LONG_MS);
    expect([world.broker.sessions, world.broker.isInUse]).toEqual([1, false]);
    expect([entry(world, 'east'), entry(world, 'west')]).toEqual([undefined, undefined]);
  });

  it('survives the death of the old owner at any request', async () => {
    for (let dieAt = 8; dieAt < 40; dieAt += 1) {
      const world = new MoveWorld();
      await world.holdLease('east');
      const east = await world.start('east', dieAt);
      await world.start('west');
      world.broker.isAway = true;
      world.fleet('east').outbox.emit(1, 3);
      await world.clock.advance(4_000);
      world.fleet('east').outbox.emit(4, 8);
      world.move('west');
      encoderMoves(world, 'east', 'west', 9);
      await world.clock.advance(4_000);
      if (!east.isAlive) world.loseLease('east');
      world.broker.isAway = false;
      await world.clock.advance(LONG_MS);
      expect(world.broker.counters, `dying at request ${dieAt}`).toEqual(upTo(10));
      expect(world.observer.counts.lost ?? 0).toBe(0);
    }
  });

  describe.each(['alive', 'dead'] as const)('with its old owner %s', (old) => {
    it.each(['up', 'away'] as const)(
      'and its broker %s, survives the death of the new owner at any request',
      async (broker) => {
        let deaths = 0;
        for (let dieAt = 1, isOver = false; !isOver; dieAt += 1) {
          const { world, east } = await served(broker);
          if (old === 'dead') {
            east.kill();
            world.loseLease('east');
          }
          const west = await world.start('west', dieAt);
          world.move('west');
          encoderMoves(world, 'east', 'west', 9);
          await world.clock.advance(8_000);
          world.broker.isAway = false;
          isOver = west.isAlive && west.requests < dieAt;
          // The lease that it may have left expires.
          world.loseLease('east');
          if (!west.isAlive) {
            deaths += 1;
            await world.start('west');
          }
          if (old === 'alive') await world.holdLease('east');
          await world.clock.advance(LONG_MS);
          isOver ||= dieAt > 60;
          expect(world.broker.counters, `dying at request ${dieAt}`).toEqual(upTo(10));
          expect(world.observer.counts.lost ?? 0, `dying at request ${dieAt}`).toBe(0);
          expectOneSessionAtATime(world);
        }
        expect(deaths).toBeGreaterThan(8);
      },
    );
  });
});
