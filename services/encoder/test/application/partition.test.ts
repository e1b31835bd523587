import { GatecastError } from '@gatecast/shared/errors';
import { ALL_PARTS } from '@gatecast/shared/model';
import { waitFor } from '@gatecast/shared/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Partition } from '../../src/application/partition.ts';
import { EncoderWorld, FakeLease, LIMITS } from './encoder-world.ts';

function startPartition(world: EncoderWorld, { epoch = 10, limits = LIMITS } = {}) {
  const lease = new FakeLease(epoch);
  const partition = new Partition(0, lease, world.ports, limits);
  partition.start();
  onTestFinished(() => partition.stop());
  return { partition, lease };
}

const UNAVAILABLE = new GatecastError('NATS_UNAVAILABLE', 'away', { retryable: true });

describe('Partition', () => {
  it('encodes what comes, and records it after the interval', async () => {
    const world = new EncoderWorld();
    const life = await world.register('gw');
    startPartition(world);
    const sequence = world.send('gw', life, 1);
    await waitFor(() => world.values('gw').length === 1);
    expect((await world.record())?.seq).toBe(0);
    await world.clock.advance(250);
    expect(await world.record()).toEqual({
      epoch: 10,
      seq: sequence,
      gateways: { gw: { i: life, c: 1, s: sequence, p: ALL_PARTS, t: expect.any(Number) } },
    });
  });

  it('does nothing before it has written its epoch, and nothing at all when there is a later one', async () => {
    const world = new EncoderWorld();
    const life = await world.register('gw');
    await world.checkpoints.create('encoder._.0', { epoch: 11, seq: 0, gateways: {} });
    world.send('gw', life, 1);
    const { partition, lease } = startPartition(world, { epoch: 10 });
    await waitFor(() => partition.state === 'stale');
    expect(lease.isGivenUp).toBe(true);
    expect(world.values('gw')).toEqual([]);
    expect((await world.record())?.epoch).toBe(11);
  });

  it('stops when a later owner has written the record', async () => {
    const world = new EncoderWorld();
    const life = await world.register('gw');
    const { partition, lease } = startPartition(world);
    world.send('gw', life, 1);
    await waitFor(() => world.values('gw').length === 1);
    const found = await world.checkpoints.get('encoder._.0');
    await world.checkpoints.update('encoder._.0', { epoch: 12, seq: 0, gateways: {} }, found!.revision);
    await world.clock.advance(250);
    expect([partition.state, lease.isGivenUp]).toEqual(['stale', true]);
    world.send('gw', life, 2);
    await world.clock.advance(1_000);
    expect(world.values('gw')).toEqual([1]);
    expect((await world.record())?.epoch).toBe(12);
  });

  it('goes on where the record and the tail say, with the counter of the later one', async () => {
    const world = new EncoderWorld();
    const life = await world.register('gw');
    const first = startPartition(world);
    world.send('gw', life, 1);
    await waitFor(() => world.values('gw').length === 1);
    await world.clock.advance(250);
    world.send('gw', life, 2);
    await waitFor(() => world.values('gw').length === 2);
    // As if killed: the second batch was never recorded.
    first.lease.valid = false;
    startPartition(world, { epoch: 20 });
    world.send('gw', life, 3);
    await waitFor(() => world.values('gw').length === 3);
    expect(world.values('gw')).toEqual([1, 2, 3]);
    expect(world.outbox.of('gw').map(({ emission }) => emission.first)).toEqual([1, 2, 3]);
    expect(world.count('batch', 'known')).toBe(1);
  });

  it('recognises repeats of what was encoded before it took over', async () => {
    const world = new EncoderWorld();
    const life = await world.register('gw');
    const first = startPartition(world);
    for (const n of [1, 2, 3]) world.send('gw', life, n);
    await waitFor(() => world.values('gw').length === 3);
    await world.clock.advance(250);
    await first.partition.drain();
    const second = startPartition(world, { epoch: 20 });
    await waitFor(() => second.partition.state === 'live');
    world.send('gw', life, 2);
    world.send('gw', life, 4);
    await waitFor(() => world.values('gw').length === 4);
    expect(world.values('gw')).toEqual([1, 2, 3, 4]);
    expect(world.observed.filter(([name, count]) => name === 'repeats' && count === 1)).toHaveLength(1);
  });

  it('waits for its lease before it writes, and then goes on', async () => {
    const world = new EncoderWorld();
    const life = await world.register('gw');
    const { lease } = startPartition(world);
    await world.settle();
    lease.valid = false;
    world.send('gw', life, 1);
    await world.clock.advance(1_000);
    expect(world.values('gw')).toEqual([]);
    lease.valid = true;
    await world.clock.advance(50);
    await waitFor(() => world.values('gw').length === 1);
  });

  it('keeps what it knows when it gets a later lease and nobody else was there', async () => {
    const world = new EncoderWorld();
    const life = await world.register('gw');
    const { partition } = startPartition(world);
    world.send('gw', life, 1);
    await waitFor(() => world.values('gw').length === 1);
    expect(await partition.reclaim(new FakeLease(30))).toBe(true);
    expect((await world.record())?.epoch).toBe(30);
    world.send('gw', life, 2);
    await waitFor(() => world.values('gw').length === 2);
    expect(world.readings.follows).toHaveLength(1);
  });

  it('does not keep it when somebody else was', async () => {
    const world = new EncoderWorld();
    const { partition } = startPartition(world);
    await waitFor(() => partition.state === 'live');
    const found = await world.checkpoints.get('encoder._.0');
    await world.checkpoints.update('encoder._.0', { ...found!.value, epoch: 20 }, found!.revision);
    expect(await partition.reclaim(new FakeLease(30))).toBe(false);
  });

  it('records the last state when it is given up', async () => {
    const world = new EncoderWorld();
    const life = await world.register('gw');
    const { partition } = startPartition(world);
    const sequence = world.send('gw', life, 1);
    await waitFor(() => world.values('gw').length === 1);
    await partition.drain();
    expect(await world.record()).toMatchObject({ seq: sequence, gateways: { gw: { c: 1 } } });
  });

  it('waits out an outage of NATS', async () => {
    const world = new EncoderWorld();
    const life = await world.register('gw');
    world.checkpoints.failure = UNAVAILABLE;
    startPartition(world);
    world.send('gw', life, 1);
    await world.clock.advance(10_000);
    world.checkpoints.failure = undefined;
    await world.clock.advance(10_000);
    expect(world.values('gw')).toEqual([1]);
    world.checkpoints.failure = UNAVAILABLE;
    world.send('gw', life, 2);
    await world.clock.advance(10_000);
    expect(world.values('gw')).toEqual([1, 2]);
    world.checkpoints.failure = undefined;
    await world.clock.advance(10_000);
    expect((await world.record())?.gateways.gw?.c).toBe(2);
  });

  it('reads no further ahead than it may', async () => {
    const world = new EncoderWorld();
    const life = await world.register('gw');
    world.outbox.full.add('default');
    world.outbox.maxMessageBytes = 1_000;
    startPartition(world, { limits: { ...LIMITS, readAheadBytes: 70_000 } });
    for (let n = 0; n < 2_000; n += 1) world.send('gw', life, n);
    await world.clock.advance(1_000);
    const bytes = world.readings.stored[0]!.message.body.byteLength;
    expect(world.readings.handedOut * bytes).toBeLessThanOrEqual(70_000);
    world.outbox.full.clear();
    await world.clock.advance(5_000);
    await waitFor(() => world.values('gw').length === 2_000);
  });

  it('moves the position of an idle partition on', async () => {
    const world = new EncoderWorld();
    const life = await world.register('other');
    const { partition } = startPartition(world);
    await waitFor(() => partition.state === 'live');
    const last = world.send('other', life, 1, 1);
    await partition.passIdle(last);
    await world.clock.advance(250);
    expect((await world.record())?.seq).toBe(last);
  });

  it('does not move it past a message of its own', async () => {
    const world = new EncoderWorld();
    const life = await world.register('gw');
    const { partition } = startPartition(world);
    await waitFor(() => partition.state === 'live');
    world.outbox.full.add('default');
    world.send('gw', life, 1);
    const last = world.send('other', life, 1, 1);
    await partition.passIdle(last);
    await world.clock.advance(250);
    expect((await world.record())?.seq).toBe(0);
  });

  it('forgets a deleted gateway after the look-back, and no other', async () => {
    const world = new EncoderWorld();
    const lives = [await world.register('gone'), await world.register('here')];
    const { partition } = startPartition(world);
    world.send('gone', lives[0]!, 1);
    world.send('here', lives[1]!, 1);
    await waitFor(() => world.values('here').length === 1);
    await world.integrations.delete('gone');
    await partition.forgetDeleted();
    await world.clock.advance(250);
    expect(Object.keys((await world.record())?.gateways ?? {})).toEqual(['gone', 'here']);
    await world.clock.advance(LIMITS.lookBackMs);
    await partition.forgetDeleted();
    await world.clock.advance(250);
    expect(Object.keys((await world.record())?.gateways ?? {})).toEqual(['here']);
  });
});
