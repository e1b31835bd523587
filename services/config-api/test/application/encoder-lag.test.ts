import { GatecastError } from '@gatecast/shared/errors';
import { createLogger } from '@gatecast/shared/logging';
import { ManualClock } from '@gatecast/shared/testing';
import { describe, expect, it } from 'vitest';
import { EncoderLag } from '../../src/application/encoder-lag.ts';

/** A line of readings in memory: `line.accept(partition)` stores one now. */
function setUp({ partitions = 4 } = {}) {
  const clock = new ManualClock();
  const messages: { sequence: number; partition: number; time: number }[] = [];
  const encoded = new Map<number, number>();
  const line = {
    requests: 0,
    failure: undefined as Error | undefined,
    async lastSequence() {
      line.requests += 1;
      if (line.failure) throw line.failure;
      return messages.at(-1)?.sequence ?? 0;
    },
    async firstAfter(partition: number, sequence: number) {
      line.requests += 1;
      return messages.find((one) => one.partition === partition && one.sequence > sequence);
    },
    accept(partition: number): number {
      const sequence = messages.length + 1;
      messages.push({ sequence, partition, time: clock.now() });
      return sequence;
    },
  };
  const lag = new EncoderLag({
    line,
    partitions,
    encodedUpTo: (partition) => encoded.get(partition) ?? 0,
    intervalMs: 5_000,
    clock,
    log: createLogger({ service: 'test', instance: 'test', level: 'silent' }),
  });
  return { lag, line, clock, encoded };
}

describe('EncoderLag', () => {
  it('knows since when a partition’s readings wait', async () => {
    const { lag, line, clock, encoded } = setUp();
    line.accept(1);
    const first = clock.now();
    await clock.advance(10_000);
    const second = line.accept(1);
    await lag.look();
    expect([0, 1, 2, 3].map((partition) => lag.oldestUnencodedAt(partition))).toEqual([
      undefined,
      first,
      undefined,
      undefined,
    ]);
    expect(lag.oldestAgeMs()).toBe(10_000);

    encoded.set(1, 1);
    await lag.look();
    expect(lag.oldestUnencodedAt(1)).toBe(first + 10_000);
    encoded.set(1, second);
    expect(lag.oldestUnencodedAt(1)).toBeUndefined();
    expect(lag.oldestAgeMs()).toBe(0);
  });

  it('takes a partition whose record stands still for done, when nothing of it is in the line', async () => {
    const { lag, line, encoded } = setUp();
    for (let n = 0; n < 10; n += 1) encoded.set(0, line.accept(0));
    await lag.look();
    expect(lag.oldestUnencodedAt(3)).toBeUndefined();
  });

  it('costs one request a look while nothing comes in, and none for a partition that is known to wait', async () => {
    const { lag, line } = setUp();
    line.accept(1);
    await lag.look();
    line.requests = 0;
    await lag.look();
    expect(line.requests).toBe(1);
  });

  it('looks again and again, whatever fails, until it is stopped', async () => {
    const { lag, line, clock } = setUp();
    line.failure = new GatecastError('NATS_UNAVAILABLE', 'away', { retryable: true });
    lag.start();
    await clock.advance(5_000);
    line.failure = undefined;
    line.accept(2);
    await clock.advance(5_000);
    expect(lag.oldestUnencodedAt(2)).toBeDefined();
    await lag.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('starts over with a line that was created again', async () => {
    const { lag, line } = setUp();
    for (let n = 0; n < 5; n += 1) line.accept(0);
    await lag.look();
    expect(lag.oldestUnencodedAt(1)).toBeUndefined();
  });
});
