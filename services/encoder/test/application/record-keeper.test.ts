import { GatecastError } from '@gatecast/shared/errors';
import { createLogger } from '@gatecast/shared/logging';
import type { EncoderCheckpoint } from '@gatecast/shared/model';
import { InMemoryKv, ManualClock } from '@gatecast/shared/testing';
import { describe, expect, it } from 'vitest';
import { claimRecord, RecordKeeper } from '../../src/application/record-keeper.ts';

const KEY = 'encoder._.0';
const UNKNOWN = new GatecastError('OUTCOME_UNKNOWN', 'cut', { retryable: true });

async function setUp() {
  const store = new InMemoryKv<EncoderCheckpoint>();
  const clock = new ManualClock();
  const state = { seq: 0, isStale: false, writes: [] as string[] };
  const claimed = await claimRecord(store, KEY, 10);
  const keeper = new RecordKeeper(
    {
      ...{ store, clock, key: KEY, intervalMs: 250 },
      log: createLogger({ service: 'encoder', instance: 'test', level: 'silent' }),
      observer: { recordWrite: (outcome: string) => state.writes.push(outcome) } as never,
      snapshot: () => ({ seq: state.seq, gateways: {} }),
      onStale: () => {
        state.isStale = true;
      },
    },
    claimed!,
  );
  const change = (seq: number) => {
    state.seq = seq;
    keeper.changed();
  };
  return { store, clock, state, keeper, change };
}

describe('claimRecord', () => {
  it('creates the record of a new partition', async () => {
    const store = new InMemoryKv<EncoderCheckpoint>();
    expect(await claimRecord(store, KEY, 10)).toMatchObject({ value: { epoch: 10, seq: 0, gateways: {} } });
  });

  it('uses what its own write has left, when the former owner writes in between', async () => {
    const store = new InMemoryKv<EncoderCheckpoint>();
    const revision = await store.create(KEY, { epoch: 9, seq: 5, gateways: {} });
    store.beforeNextWrite(async () => {
      await store.update(KEY, { epoch: 9, seq: 6, gateways: {} }, revision);
    });
    const claimed = await claimRecord(store, KEY, 10);
    expect(claimed?.value).toEqual({ epoch: 10, seq: 6, gateways: {} });
    expect(await store.get(KEY)).toEqual(claimed);
  });

  it('yields to a later owner, and knows its own earlier claim again', async () => {
    const store = new InMemoryKv<EncoderCheckpoint>();
    const claimed = await claimRecord(store, KEY, 10);
    expect(await claimRecord(store, KEY, 10)).toEqual(claimed);
    expect(await claimRecord(store, KEY, 9)).toBeUndefined();
  });
});

describe('RecordKeeper', () => {
  it('writes in groups, and nothing without a change', async () => {
    const { clock, state, store, change } = await setUp();
    await clock.advance(1_000);
    expect(state.writes).toEqual([]);
    for (const seq of [1, 2, 3]) change(seq);
    await clock.advance(249);
    expect(state.writes).toEqual([]);
    await clock.advance(1);
    expect(state.writes).toEqual(['written']);
    expect((await store.get(KEY))?.value).toEqual({ epoch: 10, seq: 3, gateways: {} });
    await clock.advance(1_000);
    expect(state.writes).toEqual(['written']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('writes a change that comes while it writes', async () => {
    const { clock, store, change } = await setUp();
    change(1);
    store.beforeNextWrite(() => change(2));
    await clock.advance(500);
    expect((await store.get(KEY))?.value.seq).toBe(2);
  });

  it('finds its place again after a write of unknown outcome', async () => {
    const { clock, state, store, change } = await setUp();
    change(1);
    store.failure = UNKNOWN;
    await clock.advance(600);
    store.failure = undefined;
    await clock.advance(250);
    expect((await store.get(KEY))?.value.seq).toBe(1);
    expect(state.writes).toEqual(['failed', 'failed', 'written']);
  });

  it('takes a write of its own, whose answer was lost, for its own', async () => {
    const { clock, state, store, change } = await setUp();
    const found = await store.get(KEY);
    await store.update(KEY, { ...found!.value, seq: 1 }, found!.revision);
    change(2);
    await clock.advance(500);
    expect(state.writes).toEqual(['conflict', 'written']);
    expect(state.isStale).toBe(false);
  });

  it('ends when a later owner has written', async () => {
    const { clock, state, store, keeper, change } = await setUp();
    const found = await store.get(KEY);
    await store.update(KEY, { ...found!.value, epoch: 11 }, found!.revision);
    change(2);
    await clock.advance(1_000);
    expect(state.isStale).toBe(true);
    await keeper.finish();
    expect((await store.get(KEY))?.value).toEqual({ epoch: 11, seq: 0, gateways: {} });
  });

  it('writes what is left when it finishes, at once', async () => {
    const { store, keeper, change } = await setUp();
    change(7);
    await keeper.finish();
    expect((await store.get(KEY))?.value.seq).toBe(7);
  });

  it('gives up after some attempts when it cannot write what is left', async () => {
    const { state, store, keeper, change } = await setUp();
    change(7);
    store.failure = UNKNOWN;
    await keeper.finish();
    expect(state.writes).toEqual(Array.from({ length: 5 }, () => 'failed'));
  });

  it('claims again for a later epoch of its own', async () => {
    const { clock, store, keeper, change } = await setUp();
    expect(await keeper.reclaim(20)).toBe(true);
    change(3);
    await clock.advance(250);
    expect((await store.get(KEY))?.value).toEqual({ epoch: 20, seq: 3, gateways: {} });
  });
});
