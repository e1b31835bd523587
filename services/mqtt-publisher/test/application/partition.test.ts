import type { GatewayRecord, PublisherCheckpoint } from '@gatecast/shared/model';
import { type LeaseRecord, VacantLeases } from '@gatecast/shared/ownership';
import { InMemoryKv } from '@gatecast/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Partition } from '../../src/application/partition.ts';
import type { PartitionDependencies } from '../../src/application/partition-dependencies.ts';
import type { OutboxItem } from '../../src/application/ports.ts';
import { FakeBacklogStore } from '../support/fake-backlog-store.ts';
import { FakeCheckpointStore } from '../support/fake-checkpoint-store.ts';
import { FakeLease } from '../support/fake-lease.ts';
import { FakeOutbox } from '../support/fake-outbox.ts';
import { LIMITS, LineHarness } from '../support/line-harness.ts';
import { FakeConnector } from '../support/session-harness.ts';
import { recordOf } from '../support/settings.ts';

/** A waiting room that takes its time to say who waits. */
class SlowBacklogStore extends FakeBacklogStore {
  answer: () => void = () => undefined;

  override async gateways(): Promise<Set<string>> {
    await new Promise<void>((resolve) => {
      this.answer = resolve;
    });
    return super.gateways();
  }
}

const RECORD = recordOf({});
const BEFORE: PublisherCheckpoint = { epoch: 1, seq: 7, gateways: { 'gw-1': { i: 'first', s: 500 } } };

async function* nothing(_partition: number, _lease: unknown, _from: number, signal: AbortSignal) {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  yield* [] as OutboxItem[];
}

/** A partition with one gateway, and with the record of an owner before. */
function partitionWith(
  { clock, observer, context }: LineHarness,
  backlog: FakeBacklogStore,
  known: GatewayRecord[] = [RECORD],
  connector = context.connector,
) {
  const checkpoints = new FakeCheckpointStore();
  checkpoints.overwrite(BEFORE);
  const dependencies: PartitionDependencies = {
    fleet: 'default',
    outbox: { read: nothing },
    line: new FakeOutbox().line,
    backlog,
    checkpoints,
    formerFleet: () => ({ backlog, checkpoints, line: new FakeOutbox().line, follow: () => undefined }),
    vacantLeases: new VacantLeases({
      ...{ role: 'publisher', instance: 'publisher-1', nonce: 'nonce', ttlMs: 3_000 },
      ...{ leases: new InMemoryKv<LeaseRecord>(), clock, log: context.log },
    }),
    deadLetters: context.deadLetters,
    directory: {
      ofPartition: () => known.map((value) => ({ value, revision: 1 })),
      fetch: async () => ({ value: RECORD, revision: 1 }),
    },
    status: { publish: () => {}, forget: () => {} },
    connector,
    connectQueue: context.connectQueue,
    upstream: context.upstream,
    limits: LIMITS,
    observer,
    clock,
    random: () => 0.5,
    log: context.log,
  };
  const partition = new Partition(0, dependencies, () => {});
  onTestFinished(() => partition.abort());
  return { partition, checkpoints, clock };
}

test('a record that is written during a takeover keeps what it says of gateways that are not loaded yet', async () => {
  const backlog = new SlowBacklogStore();
  const { partition, checkpoints, clock } = partitionWith(new LineHarness(), backlog);
  const started = partition.start(new FakeLease(5));
  await clock.advance(0);
  // As the fleet does when it first sees its lease valid.
  partition.resume();
  await clock.advance(LIMITS.recordIntervalMs);
  expect(checkpoints.stored).toEqual({ ...BEFORE, epoch: 5 });
  backlog.answer();
  await started;
  const [gateway] = partition.gateways();
  expect(gateway?.line.lane.settled).toBe(500);
});

test('a record that was being written when a gateway was created anew says nothing of the new one', async () => {
  const { partition, checkpoints, clock } = partitionWith(new LineHarness(), new FakeBacklogStore());
  await partition.start(new FakeLease(5));
  checkpoints.hold();
  partition.resume();
  await clock.advance(0);
  partition.gatewayChanged('gw-1', undefined);
  partition.gatewayChanged('gw-1', { value: { ...RECORD, incarnation: 'second' }, revision: 3 });
  checkpoints.release();
  await clock.advance(0);
  const [gateway] = partition.gateways();
  // Or its messages up to there would not be moved to the waiting room.
  expect([gateway?.incarnation, gateway?.line.recorded]).toEqual(['second', 0]);
});

test('the record keeps what it says of a gateway that the copy of the directory does not know yet', async () => {
  const { partition, checkpoints, clock } = partitionWith(new LineHarness(), new FakeBacklogStore(), []);
  await partition.start(new FakeLease(5));
  partition.resume();
  await clock.advance(0);
  expect(checkpoints.stored?.gateways).toEqual(BEFORE.gateways);
  const [gateway] = partition.gateways();
  expect(gateway?.line.lane.settled).toBe(500);
});

describe('a gateway that is deleted says good-bye to its broker', () => {
  /** The broker has not acknowledged the good-bye yet. */
  async function sayingGoodbye() {
    const connector = new FakeConnector();
    const known = [{ ...RECORD, mqtt: { host: 'broker.example' } }];
    const { partition, clock } = partitionWith(new LineHarness(), new FakeBacklogStore(), known, connector);
    await partition.start(new FakeLease(5));
    await clock.advance(0);
    const session = connector.sessions[0]!;
    session.acknowledge();
    partition.gatewayChanged('gw-1', undefined);
    await clock.advance(50);
    expect(session.payloads).toEqual(['online', 'offline']);
    return { partition, clock, session };
  }

  test('which ends when another process owns the partition', async () => {
    const { partition, clock, session } = await sayingGoodbye();
    partition.abort();
    await clock.advance(0);
    session.acknowledge();
    await clock.advance(0);
    expect([session.payloads.length, session.isAborted, session.isDisconnected]).toEqual([2, true, false]);
  });

  test('before the partition is handed over', async () => {
    const { partition, clock, session } = await sayingGoodbye();
    let isReleased = false;
    void partition.release().then(() => {
      isReleased = true;
    });
    await clock.advance(100);
    expect(isReleased).toBe(false);
    while (session.unanswered > 0) {
      session.acknowledge();
      await clock.advance(10);
    }
    expect([session.payloads.at(-1), session.isDisconnected, isReleased]).toEqual(['', true, true]);
  });

  test('or not, if the broker does not answer', async () => {
    const { partition, clock, session } = await sayingGoodbye();
    let isReleased = false;
    void partition.release().then(() => {
      isReleased = true;
    });
    await clock.advance(LIMITS.drainMs + 50);
    expect([session.isAborted, isReleased]).toEqual([true, true]);
  });
});
