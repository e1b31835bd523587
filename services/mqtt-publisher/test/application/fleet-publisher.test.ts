import type { GatewayRecord } from '@gatecast/shared/model';
import type { KeyValueView } from '@gatecast/shared/nats';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FleetPublisher } from '../../src/application/fleet-publisher.ts';
import { upTo } from '../support/batches.ts';
import { FakeLease } from '../support/fake-lease.ts';
import { MoveWorld } from '../support/move-world.ts';

const NOTHING_CHANGES: KeyValueView<GatewayRecord> = {
  get: () => undefined,
  entries: () => new Map<string, never>().entries(),
  onChange: () => () => undefined,
};

/** The publisher of fleet east, with the one partition and its gateway. */
async function publishing(): Promise<{ world: MoveWorld; publisher: FleetPublisher; lease: FakeLease }> {
  const world = new MoveWorld();
  const { clock } = world;
  const dependencies = world.dependencies(
    'east',
    () => true,
    () => undefined,
  );
  const publisher = new FleetPublisher({ dependencies, integrations: NOTHING_CHANGES, partitions: 1, clock });
  const lease = new FakeLease();
  publisher.acquired(0, lease);
  onTestFinished(async () => {
    await publisher.lost(0);
    publisher.stop();
  });
  world.fleet('east').outbox.emit(1, 3);
  await clock.advance(500);
  expect(world.broker.counters).toEqual(upTo(3));
  return { world, publisher, lease };
}

test.each([50, 5_000])('what came while the lease was not valid, for %i ms, is sent when it is again', async (ms) => {
  const { world, lease } = await publishing();
  lease.valid = false;
  world.fleet('east').outbox.emit(4, 6);
  // The shorter time is over before anybody looks at the lease.
  await world.clock.advance(ms);
  expect(world.broker.counters).toEqual(upTo(3));
  lease.valid = true;
  await world.clock.advance(1_000);
  expect(world.broker.counters).toEqual(upTo(6));
});

describe('a record of a later epoch', () => {
  const later = (world: MoveWorld) => {
    const { checkpoints } = world.fleet('east');
    checkpoints.overwrite({ seq: 0, gateways: {}, ...checkpoints.stored, epoch: 8 });
  };

  test('has the lease given up, and is gone on from under a new one', async () => {
    const { world, publisher, lease } = await publishing();
    later(world);
    world.fleet('east').outbox.emit(4, 6);
    await world.clock.advance(500);
    expect([lease.isGivenUp, publisher.partitions()]).toEqual([true, []]);
    publisher.acquired(0, new FakeLease(9));
    world.fleet('east').outbox.emit(7, 9);
    await world.clock.advance(500);
    expect(world.broker.counters).toEqual(upTo(9));
  });

  test('found at a takeover, too', async () => {
    const { world, publisher } = await publishing();
    later(world);
    await publisher.lost(0);
    const lease = new FakeLease(7);
    publisher.acquired(0, lease);
    await world.clock.advance(500);
    expect([lease.isGivenUp, publisher.partitions()]).toEqual([true, []]);
  });

  test('is nothing to a partition that was lost before it was found', async () => {
    const { world, publisher } = await publishing();
    later(world);
    await publisher.lost(0);
    const lease = new FakeLease(7);
    publisher.acquired(0, lease);
    await publisher.lost(0);
    await world.clock.advance(500);
    expect(lease.isGivenUp).toBe(false);
  });
});
