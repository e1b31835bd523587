import { GatecastError } from '@gatecast/shared/errors';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Housekeeping } from '../../src/application/housekeeping.ts';
import { Partitions } from '../../src/application/partitions.ts';
import { ReadAhead } from '../../src/application/read-ahead.ts';
import { ReadingsPurge } from '../../src/application/readings-purge.ts';
import { replayStart } from '../../src/application/replay-start.ts';
import { EncoderWorld, FakeLease, LIMITS } from './encoder-world.ts';

const HOUR = 3_600_000;
const envelope = {
  kind: 'readable',
  incarnation: 'A',
  content: 'measurements',
  isRequeued: false,
  isFromGateway: true,
} as const;

/** One batch a minute for `minutes`, from minute 0 on; sequences begin at 1. */
function worldWithReadings(minutes: number, partition = 0): EncoderWorld {
  const world = new EncoderWorld();
  for (let minute = 0; minute < minutes; minute += 1) {
    world.readings.append('gw', '{}', { partition, time: minute * 60_000, envelope });
  }
  return world;
}

describe('replayStart', () => {
  const limits = { lookBackMs: HOUR, maxMessages: 1_000 };

  it('looks back from the time of the position', async () => {
    const { readings } = worldWithReadings(200);
    expect(await replayStart(readings, 0, 150, limits)).toEqual({ from: 90, messages: 61 });
  });

  it('reads nothing again at the beginning, or where the position is gone', async () => {
    const { readings } = worldWithReadings(200);
    expect(await replayStart(readings, 0, 0, limits)).toEqual({ from: 1, messages: 0 });
    await readings.purgeBefore(0, 151);
    expect(await replayStart(readings, 0, 150, limits)).toEqual({ from: 151, messages: 0 });
  });

  it('looks back less far when that would be too many messages', async () => {
    const { readings } = worldWithReadings(200);
    expect(await replayStart(readings, 0, 150, { ...limits, maxMessages: 20 })).toEqual({ from: 135, messages: 16 });
    expect(await replayStart(readings, 0, 150, { ...limits, maxMessages: 0 })).toEqual({ from: 151, messages: 0 });
  });
});

describe('ReadingsPurge', () => {
  async function purged(world: EncoderWorld, positions: (number | undefined)[]): Promise<number> {
    for (const [partition, seq] of positions.entries()) {
      if (seq === undefined) continue;
      await world.checkpoints.create(`encoder._.${partition}`, { epoch: 1, seq, gateways: {} });
    }
    const { readings, checkpoints, observer, log } = world.ports;
    const options = { readings, observer, log, partitions: positions.length, lookBackMs: HOUR };
    await new ReadingsPurge({ ...options, checkpoints: checkpoints as typeof world.checkpoints }).run();
    return world.readings.purgedBefore;
  }

  it.each<[string, (number | undefined)[], number, number]>([
    ['what all have passed, less the look-back', [200, 190], 0, 130],
    ['nothing as long as a partition has no record', [200, undefined], 0, 1],
    ['nothing in front of a partition at the beginning', [200, 0], 0, 1],
    ['nothing within the look-back', [40], 0, 1],
    ['more when the stream fills up', [200], 0.7, 170],
    ['up to the position when it is nearly full', [200], 0.95, 200],
    ['nothing beyond the last message', [999], 0.95, 200],
  ])('removes %s', async (_what, positions, fill, before) => {
    const world = worldWithReadings(200);
    world.readings.fill = fill;
    expect(await purged(world, positions)).toBe(before);
  });
});

describe('ReadAhead', () => {
  it('makes the reader wait until the largest message fits', async () => {
    const readAhead = new ReadAhead(1_000, 400, new AbortController().signal);
    expect(await readAhead.room()).toBe(1_000);
    readAhead.take(700);
    let room: number | undefined;
    const waiting = readAhead.room().then((bytes) => {
      room = bytes;
    });
    readAhead.release(50);
    await Promise.resolve();
    expect(room).toBeUndefined();
    readAhead.release(100);
    await waiting;
    expect(room).toBe(450);
  });

  it('lets go of the reader when it is aborted', async () => {
    const abort = new AbortController();
    const readAhead = new ReadAhead(1_000, 400, abort.signal);
    readAhead.take(1_000);
    const waiting = readAhead.room();
    abort.abort();
    await waiting;
  });
});

describe('Partitions', () => {
  function setUp() {
    const world = new EncoderWorld();
    const partitions = new Partitions(world.ports, LIMITS);
    onTestFinished(() => partitions.lost(0));
    return { world, partitions };
  }

  it('begins when a partition is acquired, and ends when it is released', async () => {
    const { world, partitions } = setUp();
    const life = await world.register('gw');
    partitions.acquired(0, new FakeLease(10));
    await world.settle();
    expect(partitions.count('live')).toBe(1);
    const sequence = world.send('gw', life, 1);
    await world.settle();
    await partitions.release(0);
    expect(await world.record()).toMatchObject({ epoch: 10, seq: sequence });
    expect([...partitions]).toEqual([]);
    world.send('gw', life, 2);
    await world.clock.advance(1_000);
    expect(world.values('gw')).toEqual([1]);
  });

  it('keeps a partition that is acquired again with a later epoch', async () => {
    const { world, partitions } = setUp();
    partitions.acquired(0, new FakeLease(10));
    await world.settle();
    const before = partitions.get(0);
    partitions.acquired(0, new FakeLease(20));
    await world.settle();
    expect(partitions.get(0)).toBe(before);
    expect((await world.record())?.epoch).toBe(20);
  });

  it('begins it anew when somebody else had it meanwhile', async () => {
    const { world, partitions } = setUp();
    partitions.acquired(0, new FakeLease(10));
    await world.settle();
    const before = partitions.get(0);
    const found = await world.checkpoints.get('encoder._.0');
    await world.checkpoints.update('encoder._.0', { epoch: 15, seq: 0, gateways: {} }, found!.revision);
    partitions.acquired(0, new FakeLease(20));
    await world.settle();
    expect(partitions.get(0)).not.toBe(before);
    expect(before?.state).toBe('stopped');
    expect(partitions.count('live')).toBe(1);
  });

  it('records nothing more of a partition that is lost', async () => {
    const { world, partitions } = setUp();
    const life = await world.register('gw');
    partitions.acquired(0, new FakeLease(10));
    await world.settle();
    world.send('gw', life, 1);
    await world.settle();
    await partitions.lost(0);
    await world.clock.advance(1_000);
    expect((await world.record())?.seq).toBe(0);
  });

  it('ends the line of a gateway that has left while the look-back is read, which may take long', async () => {
    const { world, partitions } = setUp();
    const life = await world.register('gw', {}, 'a');
    partitions.acquired(0, new FakeLease(10));
    await world.settle();
    world.send('gw', life, 1);
    await world.settle();
    await partitions.release(0);
    // As if a replica had not caught up.
    const { pointAt } = world.readings;
    world.readings.pointAt = async (...args) => {
      const point = await pointAt.apply(world.readings, args);
      return 'time' in args[1] ? { ...point, messages: point.messages + 1 } : point;
    };
    partitions.acquired(0, new FakeLease(20));
    await world.settle();
    expect(partitions.count('replaying')).toBe(1);
    await world.move('gw', 'b', { announce: false });
    partitions.get(0)?.endLeftLine((await world.ports.gateways.ask('gw'))!.value);
    await world.settle();
    expect(world.outbox.of('gw', 'a').at(-1)?.emission).toMatchObject({ first: 2, movedTo: 'b' });
  });

  it('ends while NATS is away', async () => {
    const { world, partitions } = setUp();
    world.checkpoints.failure = new GatecastError('NATS_UNAVAILABLE', 'away', { retryable: true });
    partitions.acquired(0, new FakeLease(10));
    await world.settle();
    await partitions.release(0);
    expect(world.clock.pendingTimers).toBe(0);
  });
});

describe('Housekeeping', () => {
  it('moves idle partitions on, and purges where this process is the one to do it', async () => {
    const world = worldWithReadings(200, 1);
    const partitions = new Partitions(world.ports, { ...LIMITS, lookBackMs: HOUR });
    onTestFinished(() => partitions.lost(0));
    partitions.acquired(0, new FakeLease(10));
    await world.settle();
    const { readings, observer, log, clock } = world.ports;
    const purge = new ReadingsPurge({
      ...{ readings, observer, log, checkpoints: world.checkpoints },
      partitions: 1,
      lookBackMs: HOUR,
    });
    let isPurger = false;
    const housekeeping = new Housekeeping({
      ...{ partitions, readings, purge, clock, log, intervalMs: 30_000 },
      ...{ gateways: world.ports.gateways, partitionCount: 1, isPurger: () => isPurger },
    });
    housekeeping.start();
    await world.clock.advance(60_000);
    expect((await world.record())?.seq).toBe(200);
    expect(world.readings.purgedBefore).toBe(1);
    isPurger = true;
    await world.clock.advance(30_000);
    expect(world.readings.purgedBefore).toBe(140);
    await housekeeping.stop();
    expect(world.clock.pendingTimers).toBe(0);
  });

  it('ends the line of a gateway that has moved, when nobody said so', async () => {
    const world = new EncoderWorld();
    const partitions = new Partitions(world.ports, LIMITS);
    onTestFinished(() => partitions.lost(0));
    const { readings, observer, log, clock, gateways } = world.ports;
    const purge = new ReadingsPurge({
      ...{ readings, observer, log, checkpoints: world.checkpoints, partitions: 1, lookBackMs: HOUR },
    });
    const housekeeping = new Housekeeping({
      ...{ partitions, readings, purge, clock, log, intervalMs: 30_000 },
      ...{ gateways, partitionCount: 1, isPurger: () => false },
    });
    const life = await world.register('gw', {}, 'a');
    await world.register('silent', {}, 'a');
    partitions.acquired(0, new FakeLease(10));
    housekeeping.start();
    world.send('gw', life, 1);
    await world.settle();
    for (const gateway of ['gw', 'silent']) await world.move(gateway, 'b', { announce: false });
    await world.clock.advance(30_250);
    const ends = (gateway: string) =>
      world.outbox
        .of(gateway, 'a')
        .flatMap(({ emission: { first, movedTo } }) => (movedTo ? [`${first} ${movedTo}`] : []));
    expect([ends('gw'), ends('silent')]).toEqual([['2 b'], ['1 b']]);
    expect((await world.record())?.gateways).toMatchObject({ gw: { c: 1, g: 1 }, silent: { c: 0, g: 1 } });
    const { asked } = world;
    await world.clock.advance(60_000);
    expect([ends('gw'), world.asked - asked]).toEqual([['2 b'], 0]);
    // A former registration in a view that is behind is nobody's.
    world.integrations.view.hold();
    const next = await world.register('gw', {}, 'b');
    world.send('gw', next, 2);
    await world.settle();
    await world.clock.advance(60_000);
    world.send('gw', next, 3);
    await world.clock.advance(250);
    expect(world.values('gw', 'b')).toEqual([2, 3]);
    expect((await world.record())?.gateways.gw).toMatchObject({ i: next, c: 2 });
    await housekeeping.stop();
  });
});
