import { describe, expect, test } from 'vitest';
import { GatecastError } from '../../src/errors/index.ts';
import { createLogger } from '../../src/logging/index.ts';
import {
  type Lease,
  type LeaseRecord,
  leaseKeyOf,
  type MemberRecord,
  PartitionOwnership,
} from '../../src/ownership/index.ts';
import { InMemoryKv } from '../../src/testing/in-memory-kv.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const TTL_MS = 12_000;
const SETTLE_MS = 1_000;
const PARTITIONS = 12;
const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition);
const away = new GatecastError('NATS_UNAVAILABLE', 'away', { retryable: true });

/** What a process is told, and what it holds by that. */
class Owner {
  readonly events: string[] = [];
  readonly leases = new Map<number, Lease>();
  readonly lines: string[] = [];
  readonly ownership: PartitionOwnership;
  /** Awaited by every release. */
  releasing: Promise<void> = Promise.resolve();

  constructor(world: Buckets, instance: string, nonce: string) {
    this.ownership = new PartitionOwnership({
      ...{ role: 'publisher', fleet: 'default', instance, nonce, partitions: PARTITIONS },
      members: { store: world.members, view: world.members.view },
      leases: { store: world.leases, view: world.leases.view },
      ttlMs: TTL_MS,
      handoversPerSecond: 2,
      clock: world.clock,
      log: createLogger({ service: 'test', instance, level: 'warn' }, { write: (line) => void this.lines.push(line) }),
    });
    this.ownership.start({
      acquired: (partition, lease) => {
        this.events.push(`acquired ${partition}`);
        this.leases.set(partition, lease);
      },
      lost: async (partition) => {
        this.events.push(`lost ${partition}`);
      },
      release: async (partition) => {
        await this.releasing;
        this.events.push(`released ${partition}`);
      },
    });
  }

  get owned(): number[] {
    return ALL.filter((partition) => this.ownership.owns(partition));
  }
}

interface Buckets {
  members: InMemoryKv<MemberRecord>;
  leases: InMemoryKv<LeaseRecord>;
  clock: ManualClock;
}

function setUp() {
  const world: Buckets = { members: new InMemoryKv(), leases: new InMemoryKv(), clock: new ManualClock() };
  const start = (instance: string, nonce = `${instance}-nonce`) => new Owner(world, instance, nonce);
  const fail = (failure: GatecastError | undefined) => {
    world.members.failure = failure;
    world.leases.failure = failure;
  };
  const key = (partition: number) => leaseKeyOf('publisher', 'default', partition);
  const expireAll = () => {
    for (const [name] of [...world.members.view.entries()]) world.members.expire(name);
    for (const [name] of [...world.leases.view.entries()]) world.leases.expire(name);
  };
  return { ...world, start, fail, key, expireAll };
}

const sorted = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b);

describe('a lease under which nothing can be done any more', () => {
  const BACKOFF_MS = TTL_MS / 4;

  test('is given up, for a new epoch; each time in a row after a longer wait', async () => {
    const { clock, start, leases, key } = setUp();
    const a = start('a');
    await clock.advance(SETTLE_MS);
    const waits: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      a.events.length = 0;
      const before = a.leases.get(0)!;
      before.giveUp();
      before.giveUp();
      await clock.advance(0);
      expect([before.isValid(), a.ownership.owns(0), await leases.get(key(0))]).toEqual([false, false, undefined]);
      const began = clock.monotonic();
      while (!a.ownership.owns(0)) await clock.advance(100);
      waits.push(clock.monotonic() - began);
      expect(a.events).toEqual(['lost 0', 'acquired 0']);
      expect(a.leases.get(0)!.epoch).toBeGreaterThan(before.epoch);
    }
    expect(waits.map((ms) => ms / BACKOFF_MS)).toEqual([1, 2, 4, 8, 16, 20, 20, 20]);
    expect(a.lines.filter((line) => line.includes('EPOCH_SUPERSEDED'))).toHaveLength(8);
    await clock.advance(20 * BACKOFF_MS + 1_000);
    a.leases.get(0)!.giveUp();
    await clock.advance(BACKOFF_MS);
    expect(a.ownership.owns(0)).toBe(true);
    await a.ownership.stop();
  });

  test('is left to whoever has taken it: no fight', async () => {
    const { clock, start, leases, key } = setUp();
    const a = start('a');
    await clock.advance(SETTLE_MS);
    const lease = a.leases.get(0)!;
    leases.view.hold();
    leases.expire(key(0));
    await leases.create(key(0), { instance: 'b', nonce: 'b', renewedAt: '' });
    lease.giveUp();
    await clock.advance(10);
    leases.view.release();
    expect((await leases.get(key(0)))?.value.nonce).toBe('b');
    await clock.advance(TTL_MS);
    expect((await leases.get(key(0)))?.value.nonce).toBe('b');
    expect(a.events.filter((event) => event === 'lost 0')).toHaveLength(1);
    await a.ownership.stop();
  });
});

test('a process whose name another one has taken gives away what it still holds', async () => {
  const { clock, start, members } = setUp();
  const a = start('a');
  await clock.advance(SETTLE_MS);
  expect(a.owned).toEqual(ALL);
  members.view.hold();
  members.expire('publisher.default.a');
  await members.create('publisher.default.a', { instance: 'a', nonce: 'another', startedAt: '' });
  members.view.release();
  await clock.advance(TTL_MS + (PARTITIONS / 2) * 1_000);
  expect(a.owned).toEqual([]);
  expect(
    sorted(a.events.filter((event) => event.startsWith('released')).map((event) => Number(event.slice(9)))),
  ).toEqual(ALL);
  await a.ownership.stop();
});

describe('taking', () => {
  test('waits a moment for others, then takes its share; the epoch is the revision of the creation', async () => {
    const { clock, start, leases, key } = setUp();
    const a = start('a');
    const b = start('b');
    await clock.advance(SETTLE_MS - 1);
    expect([...a.events, ...b.events]).toEqual([]);
    await clock.advance(1);
    expect(sorted([...a.owned, ...b.owned])).toEqual(ALL);
    expect(a.owned.length).toBeGreaterThan(2);
    expect(b.owned.length).toBeGreaterThan(2);
    const [partition = 0] = a.owned;
    const { epoch } = a.leases.get(partition)!;
    expect((await leases.get(key(partition)))?.revision).toBe(epoch);
    await clock.advance(TTL_MS * 3);
    expect((await leases.get(key(partition)))?.revision).toBeGreaterThan(epoch);
    expect(a.leases.get(partition)!.isValid()).toBe(true);
    expect(a.events).toHaveLength(a.owned.length);
    await Promise.all([a.ownership.stop(), b.ownership.stop()]);
  });

  test('takes over at once what a dead process had', async () => {
    const { clock, start, members, leases, key } = setUp();
    await members.create('publisher.default.dead', { instance: 'dead', nonce: 'dead', startedAt: '' });
    const record = { instance: 'dead', nonce: 'dead', renewedAt: '' };
    for (const partition of ALL) await leases.create(key(partition), record);
    const a = start('a');
    await clock.advance(TTL_MS);
    expect(a.owned).toEqual([]);
    for (const partition of ALL) leases.expire(key(partition));
    await clock.advance(0);
    expect(a.owned).toEqual([]); // a live one would claim its own first
    members.expire('publisher.default.dead');
    await clock.advance(0);
    expect(a.owned).toEqual(ALL);
    await a.ownership.stop();
  });

  test('a lease whose creation had an unknown outcome is renewed before use', async () => {
    const { clock, start, leases, key } = setUp();
    leases.beforeNextWrite(async () => {
      await leases.create(key(0), { instance: 'a', nonce: 'a-nonce', renewedAt: '' });
      throw new GatecastError('OUTCOME_UNKNOWN', 'timeout', { retryable: true });
    });
    const a = start('a');
    await clock.advance(SETTLE_MS);
    expect(a.owned).toEqual(ALL.slice(1));
    const created = (await leases.get(key(0)))!.revision;
    await clock.advance(TTL_MS / 16);
    expect(a.owned).toEqual(ALL);
    expect((await leases.get(key(0)))!.revision).toBeGreaterThan(created);
    await a.ownership.stop();
  });

  test('two processes of one name: the later one says so, and waits until the name is free', async () => {
    const { clock, start } = setUp();
    const first = start('twin', 'first');
    await clock.advance(SETTLE_MS);
    const second = start('twin', 'second');
    await clock.advance(TTL_MS * 3);
    expect(first.owned).toEqual(ALL);
    expect(second.owned).toEqual([]);
    expect(second.lines.filter((line) => line.includes('INSTANCE_NAME_TAKEN')).length).toBeLessThan(5);
    expect(second.lines.join()).toContain('INSTANCE_NAME_TAKEN');
    expect(first.lines).toEqual([]);
    await first.ownership.stop();
    await clock.advance(0);
    expect(second.owned).toEqual(ALL);
    await second.ownership.stop();
  });
});

describe('keeping', () => {
  test('a deadline counts from before the renewal was sent', async () => {
    const { clock, start, fail, leases } = setUp();
    const a = start('a');
    await clock.advance(SETTLE_MS);
    await clock.advance(TTL_MS / 4 - 1);
    fail(away);
    leases.failure = undefined;
    const answered = Promise.withResolvers<void>();
    leases.beforeNextWrite(() => answered.promise);
    await clock.advance(TTL_MS / 4);
    answered.resolve();
    await clock.advance(0);
    fail(away);
    await clock.advance(TTL_MS * 2);
    expect(a.owned).toEqual([]);
    await a.ownership.stop();
  });

  test('through an outage shorter than the lease nobody is told anything', async () => {
    const { clock, start, fail } = setUp();
    const a = start('a');
    await clock.advance(SETTLE_MS);
    fail(away);
    await clock.advance(TTL_MS);
    expect(a.owned).toEqual([]);
    fail(undefined);
    await clock.advance(TTL_MS / 16);
    expect(a.owned).toEqual(ALL);
    expect(a.events).toHaveLength(PARTITIONS);
    await a.ownership.stop();
  });

  test('after an outage in which everything expired the former owners come first, with higher epochs', async () => {
    const { clock, start, fail, expireAll } = setUp();
    const a = start('a');
    await clock.advance(SETTLE_MS);
    const before = a.leases.get(0)!;
    const b = start('b');
    await clock.advance(SETTLE_MS); // nothing has been handed over yet
    expect(a.owned).toEqual(ALL);
    fail(away);
    await clock.advance(TTL_MS * 2);
    fail(undefined);
    expireAll();
    await clock.advance(TTL_MS / 16);
    expect(a.owned).toEqual(ALL);
    expect(b.events).toEqual([]);
    expect(a.leases.get(0)!.epoch).toBeGreaterThan(before.epoch);
    expect([before.isValid(), await before.confirm()]).toEqual([false, false]);
    await Promise.all([a.ownership.stop(), b.ownership.stop()]);
  });

  test('lets go when another process has taken the lease', async () => {
    const { clock, start, fail, leases, key } = setUp();
    const a = start('a');
    await clock.advance(SETTLE_MS);
    fail(away);
    await clock.advance(TTL_MS);
    fail(undefined);
    leases.expire(key(3));
    await leases.create(key(3), { instance: 'b', nonce: 'b-nonce', renewedAt: '' });
    await clock.advance(TTL_MS / 16);
    expect(a.events.slice(PARTITIONS)).toEqual(['lost 3']);
    expect(a.leases.get(3)!.isValid()).toBe(false);
    expect(a.owned).toEqual(ALL.filter((partition) => partition !== 3));
    await a.ownership.stop();
  });

  test('confirm asks the leader, once for all who ask together, and believes the deadline when nobody answers', async () => {
    const { clock, start, fail, leases, key } = setUp();
    const a = start('a');
    await clock.advance(SETTLE_MS);
    const lease = a.leases.get(5)!;
    let reads = 0;
    const get = leases.get.bind(leases);
    leases.get = (name) => {
      reads += 1;
      return get(name);
    };
    expect(await Promise.all([lease.confirm(), lease.confirm(), lease.confirm()])).toEqual([true, true, true]);
    expect(reads).toBe(2); // the second for those who came while the first was under way
    fail(away);
    expect(await lease.confirm()).toBe(true);
    fail(undefined);
    leases.view.hold();
    leases.expire(key(5));
    await leases.create(key(5), { instance: 'b', nonce: 'b-nonce', renewedAt: '' });
    expect(lease.isValid()).toBe(true);
    expect(await lease.confirm()).toBe(false);
    await clock.advance(0);
    expect(a.events.at(-1)).toBe('lost 5');
    leases.view.release();
    await a.ownership.stop();
  });
});

describe('giving up', () => {
  test('a stop hands everything over at once, and keeps each lease until its partition is released', async () => {
    const { clock, start } = setUp();
    const a = start('a');
    await clock.advance(SETTLE_MS);
    const b = start('b');
    await clock.advance(SETTLE_MS);
    const released = Promise.withResolvers<void>();
    a.releasing = released.promise;
    const stopped = a.ownership.stop();
    await clock.advance(TTL_MS * 2);
    expect(b.events).toEqual([]);
    released.resolve();
    await clock.advance(0);
    await stopped;
    expect(b.owned).toEqual(ALL);
    expect(clock.pendingTimers).toBe(1); // that of b
    await b.ownership.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test('a newcomer gets its share by and by, once it has stayed for a while', async () => {
    const { clock, start } = setUp();
    const a = start('a');
    await clock.advance(SETTLE_MS);
    const b = start('b');
    await clock.advance(TTL_MS / 2 - 1);
    expect(b.owned).toEqual([]);
    await clock.advance(1);
    expect(b.owned).toHaveLength(1);
    await clock.advance(500); // two a second
    expect(b.owned).toHaveLength(2);
    await clock.advance(PARTITIONS * 500);
    expect(sorted([...a.owned, ...b.owned])).toEqual(ALL);
    const events = [...a.events, ...b.events].length;
    await clock.advance(TTL_MS * 3);
    expect([...a.events, ...b.events]).toHaveLength(events);
    await Promise.all([a.ownership.stop(), b.ownership.stop()]);
  });

  test('a member that comes and goes moves nothing', async () => {
    const { clock, start } = setUp();
    const a = start('a');
    await clock.advance(SETTLE_MS);
    for (let round = 0; round < 5; round += 1) {
      const b = start('b', `b-${round}`);
      await clock.advance(TTL_MS / 4);
      await b.ownership.stop();
      await clock.advance(0);
    }
    expect(a.events).toHaveLength(PARTITIONS);
    await a.ownership.stop();
  });

  test('stop ends while NATS is away', async () => {
    const { clock, start, fail } = setUp();
    const a = start('a');
    await clock.advance(SETTLE_MS);
    fail(away);
    await a.ownership.stop(); // the leases stay until they expire
    expect(a.events).toHaveLength(2 * PARTITIONS);
    expect(clock.pendingTimers).toBe(0);
  });
});
