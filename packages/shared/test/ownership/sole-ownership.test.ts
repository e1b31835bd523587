import { expect, test } from 'vitest';
import { GatecastError } from '../../src/errors/index.ts';
import { createLogger } from '../../src/logging/index.ts';
import type { KeyValueStore } from '../../src/nats/index.ts';
import { type Lease, type LeaseRecord, leaseKeyOf, SoleOwnership } from '../../src/ownership/index.ts';
import { InMemoryKv } from '../../src/testing/in-memory-kv.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const TTL_MS = 12_000;
const KEY = leaseKeyOf('publisher', 'default', 0);
const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
const away = new GatecastError('NATS_UNAVAILABLE', 'away', { retryable: true });

/** What an owner is told, in order; partitions in one word, since one lease covers them all. */
class Owner {
  readonly events: string[] = [];
  readonly ownership: SoleOwnership;
  lease: Lease | undefined;
  /** Awaited by every release. */
  releasing: Promise<void> = Promise.resolve();

  constructor(instance: string, leases: KeyValueStore<LeaseRecord>, clock: ManualClock, nonce = `${instance}-nonce`) {
    this.ownership = new SoleOwnership({
      role: 'publisher',
      fleet: 'default',
      instance,
      nonce,
      partitions: 3,
      leases,
      ttlMs: TTL_MS,
      clock,
      log,
    });
  }

  start(): void {
    this.ownership.start({
      acquired: (partition, lease) => {
        this.lease = lease;
        this.events.push(`acquired ${partition} in epoch ${lease.epoch}`);
      },
      lost: async (partition) => {
        this.events.push(`lost ${partition}`);
      },
      release: async (partition) => {
        await this.releasing;
        this.events.push(`release ${partition}`);
      },
    });
  }

  get isValid(): boolean {
    return this.lease?.isValid() ?? false;
  }
}

const acquiredIn = (epoch: number) => [0, 1, 2].map((partition) => `acquired ${partition} in epoch ${epoch}`);
const each = (what: string) => [0, 1, 2].map((partition) => `${what} ${partition}`);

function setUp() {
  const [kv, clock] = [new InMemoryKv<LeaseRecord>(), new ManualClock()];
  const owner = (instance: string, leases: KeyValueStore<LeaseRecord> = kv) => {
    const one = new Owner(instance, leases, clock);
    one.start();
    return one;
  };
  return { kv, clock, owner };
}

test('acquires every partition; the epoch is the revision of the lease’s creation, whatever is renewed', async () => {
  const { kv, clock, owner } = setUp();
  const a = owner('a');
  expect(a.ownership.isOwner()).toBe(false);
  await clock.advance(0);
  const created = await kv.get(KEY);
  expect(a.events).toEqual(acquiredIn(created!.revision));
  expect(created!.value).toEqual({ instance: 'a', nonce: 'a-nonce', renewedAt: new Date(clock.now()).toISOString() });
  await clock.advance(TTL_MS * 10);
  expect(a.isValid).toBe(true);
  expect(a.ownership.isOwner()).toBe(true);
  expect(a.events).toHaveLength(3);
  const renewed = await kv.get(KEY);
  expect(renewed!.revision).toBeGreaterThan(created!.revision + 10);
  expect(Date.parse(renewed!.value.renewedAt)).toBeGreaterThan(clock.now() - TTL_MS / 2);
  await a.ownership.stop();
});

test('a second process waits, and takes over with a higher epoch once the lease has expired', async () => {
  const { kv, clock, owner } = setUp();
  const a = owner('a');
  await clock.advance(0);
  const b = owner('b');
  await clock.advance(TTL_MS * 3);
  expect(b.events).toEqual([]);
  const epoch = a.lease!.epoch;
  kv.expire(KEY);
  await clock.advance(TTL_MS / 8);
  expect(b.events).toEqual(acquiredIn((await kv.get(KEY))!.revision));
  expect(b.lease!.epoch).toBeGreaterThan(epoch);
  await clock.advance(TTL_MS / 4);
  expect(a.events.slice(3)).toEqual(each('lost'));
  expect([a.isValid, a.ownership.isOwner(), b.isValid]).toEqual([false, false, true]);
  await Promise.all([a.ownership.stop(), b.ownership.stop()]);
});

test('while the store fails, the lease is invalid from its deadline on, and valid again once it could be renewed', async () => {
  const { kv, clock, owner } = setUp();
  const a = owner('a');
  await clock.advance(TTL_MS);
  kv.failure = away;
  await clock.advance(TTL_MS - 1);
  expect(a.isValid).toBe(true);
  await clock.advance(1);
  expect(a.isValid).toBe(false);
  expect(a.ownership.isOwner()).toBe(false);
  kv.failure = undefined;
  await clock.advance(TTL_MS / 4);
  expect(a.isValid).toBe(true);
  expect(a.events).toEqual(acquiredIn(a.lease!.epoch)); // nobody was told anything: sockets were kept
  await a.ownership.stop();
});

test('a deadline counts from before the renewal was sent', async () => {
  const { kv, clock, owner } = setUp();
  const a = owner('a');
  await clock.advance(0);
  const answered = Promise.withResolvers<void>();
  await clock.advance(TTL_MS / 4 - 1);
  kv.beforeNextWrite(() => answered.promise);
  await clock.advance(1); // the renewal is sent now …
  await clock.advance(5_000); // … and answered late
  answered.resolve();
  await clock.advance(0);
  kv.failure = away;
  await clock.advance(TTL_MS - 5_000 - 1);
  expect(a.isValid).toBe(true);
  await clock.advance(1);
  expect(a.isValid).toBe(false);
  await a.ownership.stop();
});

test('after a pause of the process the lease is invalid before any timer has run', async () => {
  const { kv, clock, owner } = setUp();
  const a = owner('a');
  await clock.advance(0);
  kv.beforeNextWrite(() => new Promise(() => {})); // the renewal under way never ends: the process stands still
  await clock.advance(TTL_MS);
  expect(a.isValid).toBe(false);
});

test('acquires anew, with a higher epoch, when the lease expired and nobody else took it', async () => {
  const { kv, clock, owner } = setUp();
  const a = owner('a');
  await clock.advance(0);
  const first = a.lease!;
  kv.failure = away;
  await clock.advance(TTL_MS * 2);
  kv.expire(KEY);
  kv.failure = undefined;
  await clock.advance(TTL_MS);
  expect(a.lease!.epoch).toBeGreaterThan(first.epoch);
  expect(a.events).toEqual([...acquiredIn(first.epoch), ...acquiredIn(a.lease!.epoch)]);
  expect([first.isValid(), a.isValid]).toEqual([false, true]);
  await a.ownership.stop();
});

test('lets go when another process took the lease during an outage', async () => {
  const { kv, clock, owner } = setUp();
  const a = owner('a');
  await clock.advance(0);
  kv.failure = away;
  await clock.advance(TTL_MS * 2);
  kv.expire(KEY);
  kv.failure = undefined;
  await kv.create(KEY, { instance: 'b', nonce: 'b-nonce', renewedAt: new Date(clock.now()).toISOString() });
  await clock.advance(TTL_MS);
  expect(a.events.slice(3)).toEqual(each('lost'));
  expect(a.isValid).toBe(false);
  kv.expire(KEY);
  await clock.advance(TTL_MS / 8);
  expect(a.events.slice(6)).toEqual(acquiredIn(a.lease!.epoch));
  await a.ownership.stop();
});

test('a lease whose creation had an unknown outcome is adopted, after a renewal', async () => {
  const { kv, clock } = setUp();
  let creations = 0;
  const store: KeyValueStore<LeaseRecord> = {
    get: (key) => kv.get(key),
    update: (key, value, revision) => kv.update(key, value, revision),
    delete: (key, revision) => kv.delete(key, revision),
    async create(key, value) {
      const revision = await kv.create(key, value);
      creations += 1;
      if (creations === 1) throw new GatecastError('OUTCOME_UNKNOWN', 'timeout', { retryable: true });
      return revision;
    },
  };
  const a = new Owner('a', store, clock);
  a.start();
  await clock.advance(0);
  const created = (await kv.get(KEY))!.revision;
  expect(a.events).toEqual([]);
  await clock.advance(1_000);
  expect(a.events).toEqual(acquiredIn(a.lease!.epoch));
  expect(a.lease!.epoch).toBeGreaterThanOrEqual(created);
  expect((await kv.get(KEY))!.revision).toBeGreaterThan(created);
  await a.ownership.stop();
});

test('an answer that fails while looking whose lease it is tells nobody that it is lost', async () => {
  const { kv, clock } = setUp();
  let failingReads = 0;
  const store: KeyValueStore<LeaseRecord> = {
    create: (key, value) => kv.create(key, value),
    update: (key, value, revision) => kv.update(key, value, revision),
    delete: (key, revision) => kv.delete(key, revision),
    async get(key) {
      failingReads -= 1;
      if (failingReads >= 0) throw away;
      return await kv.get(key);
    },
  };
  const a = new Owner('a', store, clock);
  a.start();
  await clock.advance(0);
  kv.expire(KEY);
  const own = { instance: 'a', nonce: 'a-nonce', renewedAt: new Date(clock.now()).toISOString() };
  kv.beforeNextWrite(async () => {
    // The renewal meets an expired lease; the creation that follows meets our own, of unknown outcome.
    kv.beforeNextWrite(async () => {
      await kv.create(KEY, own);
      failingReads = 1;
    });
  });
  await clock.advance(TTL_MS);
  expect(a.events).not.toContain('lost 0');
  expect(a.events.slice(3)).toEqual(acquiredIn(a.lease!.epoch));
  expect(a.isValid).toBe(true);
  await a.ownership.stop();
});

test('stop releases every partition, keeps the lease meanwhile, and then gives it up at once', async () => {
  const { kv, clock, owner } = setUp();
  const a = owner('a');
  await clock.advance(0);
  const b = owner('b');
  const released = Promise.withResolvers<void>();
  a.releasing = released.promise;
  const stopped = a.ownership.stop();
  await clock.advance(TTL_MS * 2);
  expect([a.isValid, b.events]).toEqual([true, []]);
  released.resolve();
  await clock.advance(0);
  await stopped;
  expect(a.events.slice(3)).toEqual(each('release'));
  expect(await kv.get(KEY)).toBeUndefined();
  await clock.advance(TTL_MS / 8);
  expect(b.events).toEqual(acquiredIn(b.lease!.epoch));
  await b.ownership.stop();
});

test('stop ends while waiting for the lease, and while NATS is away', async () => {
  const { kv, clock, owner } = setUp();
  const a = owner('a');
  await clock.advance(0);
  const waiting = owner('b');
  await clock.advance(0);
  await waiting.ownership.stop();
  kv.failure = away;
  const asking = owner('c');
  await clock.advance(0);
  await asking.ownership.stop();
  await a.ownership.stop(); // the lease stays until it expires
  expect(a.events.slice(3)).toEqual(each('release'));
  expect([waiting.events, asking.events]).toEqual([[], []]);
  expect(clock.pendingTimers).toBe(0);
});

test('stop during an outage tells nobody that another process owns the fleet', async () => {
  const { kv, clock, owner } = setUp();
  const a = owner('a');
  await clock.advance(0);
  kv.failure = away;
  await clock.advance(TTL_MS);
  kv.expire(KEY);
  kv.failure = undefined;
  kv.beforeNextWrite(() => {
    kv.failure = away; // the renewal learns nothing, and neither does the creation
  });
  await clock.advance(TTL_MS / 4);
  await a.ownership.stop();
  expect(a.events.slice(3)).toEqual(each('release'));
});

test('stop while the lease is being created acquires nothing and leaves no lease behind', async () => {
  const { kv, clock, owner } = setUp();
  const created = Promise.withResolvers<void>();
  kv.beforeNextWrite(() => created.promise);
  const a = owner('a');
  const stopped = a.ownership.stop();
  created.resolve();
  await clock.advance(0);
  await stopped;
  expect(a.events).toEqual([]);
  expect(await kv.get(KEY)).toBeUndefined();
});

test('stop ends, and says so, when a partition cannot be released; the lease expires by itself', async () => {
  const { kv, clock, owner } = setUp();
  const a = owner('a');
  await clock.advance(0);
  a.releasing = Promise.reject(new Error('not recorded'));
  await expect(a.ownership.stop()).rejects.toThrow('not recorded');
  await clock.advance(TTL_MS);
  expect(a.isValid).toBe(false);
  expect(clock.pendingTimers).toBe(0);
  expect(await kv.get(KEY)).toBeDefined();
});
