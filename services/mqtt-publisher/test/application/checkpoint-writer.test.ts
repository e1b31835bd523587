import { GatecastError } from '@gatecast/shared/errors';
import { createLogger } from '@gatecast/shared/logging';
import type { PublisherCheckpoint } from '@gatecast/shared/model';
import { ManualClock } from '@gatecast/shared/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { CheckpointWriter, type CheckpointWriterOptions } from '../../src/application/checkpoint-writer.ts';
import { FakeCheckpointStore } from '../support/fake-checkpoint-store.ts';
import { FakeLease } from '../support/fake-lease.ts';

const INTERVAL_MS = 250;
const EPOCH = 5;
const AWAY = new GatecastError('NATS_UNAVAILABLE', 'away', { retryable: true });

let clock: ManualClock;
let store: FakeCheckpointStore;
let lease: FakeLease;
/** What the record should say. */
let seq: number;
let recorded: number[];
let superseded: number;
let options: CheckpointWriterOptions;

beforeEach(() => {
  clock = new ManualClock();
  store = new FakeCheckpointStore();
  lease = new FakeLease(EPOCH);
  seq = 0;
  recorded = [];
  superseded = 0;
  options = {
    partition: 3,
    store,
    intervalMs: INTERVAL_MS,
    clock,
    log: createLogger({ service: 'test', instance: 'test', level: 'silent' }),
    build: () => ({ epoch: current?.lease.epoch ?? EPOCH, seq, gateways: {} }),
    onRecorded: (checkpoint) => recorded.push(checkpoint.seq),
    onSuperseded: () => {
      superseded += 1;
    },
  };
});

let current: CheckpointWriter | undefined;

async function claimed(): Promise<CheckpointWriter> {
  const result = await CheckpointWriter.claim(options, lease);
  if (!result) throw new Error('not claimed');
  current = result.writer;
  store.writes.length = 0;
  return result.writer;
}

const record = (epoch: number, at = 0): PublisherCheckpoint => ({ epoch, seq: at, gateways: {} });
const writtenSeqs = () => store.writes.map((checkpoint) => checkpoint.seq);

describe('claim', () => {
  test('a partition without a record gets one of this epoch', async () => {
    const result = await CheckpointWriter.claim(options, lease);
    expect(result?.checkpoint).toEqual(record(EPOCH));
    expect(store.stored).toEqual(record(EPOCH));
  });

  test('keeps what the record says, and returns what its write was based on', async () => {
    const gateways = { 'gw-1': { i: 'first', s: 7 } };
    store.overwrite({ epoch: 2, seq: 41, gateways });
    const result = await CheckpointWriter.claim(options, lease);
    expect(result?.checkpoint).toEqual({ epoch: EPOCH, seq: 41, gateways });
    expect(store.stored).toEqual({ epoch: EPOCH, seq: 41, gateways });
  });

  test('leaves a record of a higher epoch alone', async () => {
    store.overwrite(record(EPOCH + 1, 41));
    expect(await CheckpointWriter.claim(options, lease)).toBeUndefined();
    expect(store.stored).toEqual(record(EPOCH + 1, 41));
  });

  test('waits out a NATS outage', async () => {
    store.failure = AWAY;
    const claiming = CheckpointWriter.claim(options, lease);
    await clock.advance(10_000);
    store.failure = undefined;
    await clock.advance(1_000);
    expect((await claiming)?.checkpoint.epoch).toBe(EPOCH);
  });

  test('gives up when the lease is over', async () => {
    store.failure = AWAY;
    const claiming = CheckpointWriter.claim(options, lease);
    await clock.advance(1_000);
    lease.valid = false;
    await clock.advance(1_000);
    expect(await claiming).toBeUndefined();
  });

  test('after a write of unknown outcome it uses what it reads then', async () => {
    store.overwrite(record(2, 41));
    store.loseNextAnswer = true;
    const claiming = CheckpointWriter.claim(options, lease);
    await clock.advance(1_000);
    expect((await claiming)?.checkpoint).toEqual(record(EPOCH, 41));
  });
});

describe('writes', () => {
  test('are grouped: one for all requests of an interval', async () => {
    const writer = await claimed();
    for (seq = 1; seq < 10; seq += 1) {
      writer.request('soon');
      await clock.advance(20);
    }
    expect(writtenSeqs()).toEqual([]);
    await clock.advance(INTERVAL_MS);
    expect(writtenSeqs()).toEqual([10]);
    expect(recorded).toEqual([10]);
  });

  test('an urgent one does not wait for the interval', async () => {
    const writer = await claimed();
    seq = 1;
    writer.request('soon');
    await clock.advance(10);
    writer.request('now');
    await clock.advance(0);
    expect(recorded).toEqual([1]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('one is under way at a time; what is asked meanwhile is written after it', async () => {
    const writer = await claimed();
    store.hold();
    seq = 1;
    writer.request('now');
    await clock.advance(0);
    seq = 2;
    writer.request('now');
    await clock.advance(1_000);
    expect(writtenSeqs()).toEqual([1]);
    store.release();
    await clock.advance(0);
    expect(writtenSeqs()).toEqual([1, 2]);
    expect(recorded).toEqual([1, 2]);
  });

  test('what the store holds already is not written again, but told', async () => {
    const writer = await claimed();
    seq = 1;
    writer.request('now');
    await clock.advance(0);
    writer.request('now');
    await clock.advance(0);
    expect(writtenSeqs()).toEqual([1]);
    expect(recorded).toEqual([1, 1]);
  });

  test('none happens without a valid lease', async () => {
    const writer = await claimed();
    seq = 1;
    writer.request('now');
    lease.valid = false;
    await clock.advance(1_000);
    expect(writtenSeqs()).toEqual([]);
    lease.valid = true;
    writer.request('now');
    await clock.advance(0);
    expect(recorded).toEqual([1]);
  });

  test('a NATS outage delays them', async () => {
    const writer = await claimed();
    store.failure = AWAY;
    seq = 1;
    writer.request('soon');
    await clock.advance(5_000);
    expect(recorded).toEqual([]);
    seq = 2;
    store.failure = undefined;
    await clock.advance(1_000);
    expect(recorded).toEqual([2]);
    expect(superseded).toBe(0);
  });

  test('after an unknown outcome the record is adopted and written on', async () => {
    const writer = await claimed();
    store.loseNextAnswer = true;
    seq = 1;
    writer.request('now');
    await clock.advance(0);
    expect(recorded).toEqual([]);
    seq = 2;
    await clock.advance(2_000);
    expect(recorded).toEqual([2]);
    expect(store.stored?.seq).toBe(2);
    expect(superseded).toBe(0);
  });

  test('a record of a higher epoch is never overwritten', async () => {
    const writer = await claimed();
    store.overwrite(record(EPOCH + 1, 99));
    seq = 1;
    writer.request('now');
    await clock.advance(10_000);
    writer.request('now');
    await clock.advance(10_000);
    expect(store.stored).toEqual(record(EPOCH + 1, 99));
    expect(superseded).toBe(1);
    expect(recorded).toEqual([]);
  });
});

describe('reclaim', () => {
  test('goes on under the new lease', async () => {
    const writer = await claimed();
    seq = 7;
    lease.valid = false;
    const next = new FakeLease(EPOCH + 4);
    expect(await writer.reclaim(next)).toBe(true);
    expect(store.stored).toEqual(record(EPOCH + 4, 7));
    seq = 8;
    writer.request('now');
    await clock.advance(0);
    expect(store.stored).toEqual(record(EPOCH + 4, 8));
  });

  test('fails when anybody else has written meanwhile', async () => {
    const writer = await claimed();
    lease.valid = false;
    store.overwrite(record(EPOCH + 1, 50));
    const reclaiming = writer.reclaim(new FakeLease(EPOCH + 4));
    await clock.advance(1_000);
    expect(await reclaiming).toBe(false);
    expect(store.stored).toEqual(record(EPOCH + 1, 50));
  });

  test('a first try of unknown outcome is its own', async () => {
    const writer = await claimed();
    seq = 7;
    lease.valid = false;
    store.loseNextAnswer = true;
    const reclaiming = writer.reclaim(new FakeLease(EPOCH + 4));
    await clock.advance(2_000);
    expect(await reclaiming).toBe(true);
    expect(store.stored).toEqual(record(EPOCH + 4, 7));
  });
});

describe('flush', () => {
  test('writes at once what an interval would have written', async () => {
    const writer = await claimed();
    seq = 1;
    writer.request('soon');
    await writer.flush();
    expect(recorded).toEqual([1]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('waits for a write under way, and writes what came after it', async () => {
    const writer = await claimed();
    store.hold();
    seq = 1;
    writer.request('now');
    await clock.advance(0);
    seq = 2;
    const flushing = writer.flush();
    await clock.advance(100);
    store.release();
    await clock.advance(100);
    await flushing;
    expect(store.stored?.seq).toBe(2);
  });

  test('tries again while the lease holds', async () => {
    const writer = await claimed();
    store.failure = AWAY;
    seq = 1;
    let flushed = false;
    const flushing = writer.flush().then(() => {
      flushed = true;
    });
    await clock.advance(2_000);
    expect(flushed).toBe(false);
    store.failure = undefined;
    await clock.advance(1_000);
    await flushing;
    expect(store.stored?.seq).toBe(1);
  });

  test('ends when the lease is over', async () => {
    const writer = await claimed();
    store.failure = AWAY;
    const flushing = writer.flush();
    await clock.advance(1_000);
    lease.valid = false;
    await clock.advance(1_000);
    await flushing;
    expect(recorded).toEqual([]);
  });
});

test('stop ends everything', async () => {
  const writer = await claimed();
  seq = 1;
  writer.request('soon');
  writer.stop();
  writer.request('now');
  await clock.advance(10_000);
  expect(store.writes).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});
