import { describe, expect, onTestFinished, test } from 'vitest';
import type { BacklogStore } from '../../../src/application/ports.ts';
import { batchOf, upTo } from '../../support/batches.ts';

export interface BacklogUnderTest {
  store: BacklogStore;
  /** Takes the oldest batches of a gateway, as the limits do. */
  evict(gatewayId: string, count: number): Promise<void>;
  dispose(): Promise<void>;
}

/** What every waiting room must do, real or fake. `open` gives an empty one. */
export function describeBacklogStore(name: string, open: () => Promise<BacklogUnderTest>): void {
  describe(name, () => {
    const setUp = async () => {
      const backlog = await open();
      onTestFinished(() => backlog.dispose());
      return backlog;
    };

    /** Appends one message a batch; returns the sequence of each. */
    async function fill(store: BacklogStore, gatewayId: string, counters: number[]): Promise<number[]> {
      const sequences: number[] = [];
      let last = (await store.tail(gatewayId))?.sequence ?? 0;
      for (const counter of counters) {
        last = await store.append(batchOf(counter, counter, { gatewayId }), last);
        sequences.push(last);
      }
      return sequences;
    }

    async function read(store: BacklogStore, gatewayId: string, from: number, upToSequence: number): Promise<number[]> {
      const counters: number[] = [];
      for await (const batch of store.read(gatewayId, from, upToSequence)) counters.push(batch.first);
      return counters;
    }

    test('is empty at first', async () => {
      const { store } = await setUp();
      expect(await store.tail('gw-1')).toBeUndefined();
      expect(await store.gateways()).toEqual(new Set());
    });

    test('has nothing to be waited for where nothing is', async () => {
      const { store } = await setUp();
      const began = performance.now();
      expect(await read(store, 'gw-1', 0, 0)).toEqual([]);
      const [sequence = 0] = await fill(store, 'gw-1', [1]);
      expect(await read(store, 'gw-1', sequence + 1, sequence)).toEqual([]);
      expect(performance.now() - began).toBeLessThan(900);
    });

    test('gives back what was put in, in order, with what belongs to it', async () => {
      const { store } = await setUp();
      const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=b' };
      const batch = batchOf(4, 6, { incarnation: 'second', settings: 9, trace });
      const sequence = await store.append(batch, 0);
      const found = [];
      for await (const back of store.read('gw-1', 0, sequence)) found.push(back);
      expect(found).toHaveLength(1);
      expect(found[0]).toMatchObject({
        gatewayId: 'gw-1',
        origin: 'backlog',
        sequence,
        first: 4,
        last: 6,
        headers: batch.headers,
        trace,
        inBacklog: false,
      });
      expect(found[0]?.messages.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['4', '5', '6']);
    });

    test('the tail is the last batch', async () => {
      const { store } = await setUp();
      const [, sequence] = await fill(store, 'gw-1', [1, 2]);
      expect(await store.tail('gw-1')).toEqual({ sequence, last: 2, incarnation: 'first', moves: 0 });
    });

    test('forgets what a gateway has up to a batch, and nothing of others', async () => {
      const { store } = await setUp();
      const [, second = 0, third = 0] = await fill(store, 'gw-1', [1, 2, 3]);
      const [other = 0] = await fill(store, 'gw-2', [1]);
      expect(await store.forget('gw-1', second)).toBe(true);
      expect(await read(store, 'gw-1', 0, third)).toEqual([3]);
      expect(await read(store, 'gw-2', 0, other)).toEqual([1]);
      expect(await store.forget('gw-1', third)).toBe(true);
      expect(await store.tail('gw-1')).toBeUndefined();
    });

    test('forgets all but the newest batch of the fleet', async () => {
      const { store } = await setUp();
      await fill(store, 'gw-2', [1]);
      const [, , third = 0] = await fill(store, 'gw-1', [1, 2, 3]);
      expect(await store.forget('gw-1', third)).toBe(false);
      expect(await read(store, 'gw-1', 0, third)).toEqual([3]);
      await fill(store, 'gw-2', [2]);
      expect(await store.forget('gw-1', third)).toBe(true);
      expect(await store.tail('gw-1')).toBeUndefined();
    });

    test('has nothing to forget of a room that is gone', async () => {
      const { store, evict } = await setUp();
      const [, second = 0] = await fill(store, 'gw-1', [1, 2]);
      await evict('gw-1', 2);
      expect(await store.forget('gw-1', second)).toBe(true);
    });

    test('refuses who does not know the tail', async () => {
      const { store } = await setUp();
      const [first = 0] = await fill(store, 'gw-1', [1, 2]);
      await expect(store.append(batchOf(3, 3), first)).rejects.toMatchObject({ code: 'SUBJECT_SEQUENCE_CONFLICT' });
      await expect(store.append(batchOf(3, 3), 0)).rejects.toMatchObject({ code: 'SUBJECT_SEQUENCE_CONFLICT' });
    });

    test('every gateway has its own', async () => {
      const { store } = await setUp();
      await fill(store, 'gw-1', [1, 2]);
      const [sequence = 0] = await fill(store, 'gw-2', [7]);
      await fill(store, 'gw-1', [3]);
      expect(await store.gateways()).toEqual(new Set(['gw-1', 'gw-2']));
      expect(await read(store, 'gw-2', 0, sequence)).toEqual([7]);
      expect((await store.tail('gw-1'))?.last).toBe(3);
    });

    test('reads from a sequence, up to a sequence', async () => {
      const { store } = await setUp();
      const sequences = await fill(store, 'gw-1', upTo(300));
      expect(await read(store, 'gw-1', sequences[99]!, sequences[249]!)).toEqual(upTo(250).slice(99));
    });

    test('can be left before the end', async () => {
      const { store } = await setUp();
      const sequences = await fill(store, 'gw-1', upTo(10));
      for await (const batch of store.read('gw-1', 0, sequences[9]!)) if (batch.first === 3) break;
      expect(await read(store, 'gw-1', sequences[3]!, sequences[9]!)).toEqual([4, 5, 6, 7, 8, 9, 10]);
    });

    test('what was evicted is not there, and a read of it ends', async () => {
      const { store, evict } = await setUp();
      const sequences = await fill(store, 'gw-1', upTo(5));
      await evict('gw-1', 3);
      expect(await read(store, 'gw-1', 0, sequences[4]!)).toEqual([4, 5]);
      await evict('gw-1', 2);
      expect(await read(store, 'gw-1', 0, sequences[4]!)).toEqual([]);
      expect(await store.tail('gw-1')).toBeUndefined();
      expect(await store.gateways()).toEqual(new Set());
    });
  });
}
