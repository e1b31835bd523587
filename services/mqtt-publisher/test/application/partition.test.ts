import type { PublisherCheckpoint } from '@gatecast/shared/model';
import { type LeaseRecord, VacantLeases } from '@gatecast/shared/ownership';
import { InMemoryKv } from '@gatecast/shared/testing';
import { expect, test } from 'vitest';
import { Partition } from '../../src/application/partition.ts';
import type { PartitionDependencies } from '../../src/application/partition-dependencies.ts';
import type { OutboxItem } from '../../src/application/ports.ts';
import { FakeBacklogStore } from '../support/fake-backlog-store.ts';
import { FakeCheckpointStore } from '../support/fake-checkpoint-store.ts';
import { FakeLease } from '../support/fake-lease.ts';
import { FakeOutbox } from '../support/fake-outbox.ts';
import { LIMITS, LineHarness } from '../support/line-harness.ts';

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

test('a record that is written during a takeover keeps what it says of gateways that are not loaded yet', async () => {
  const { clock, observer, context } = new LineHarness();
  const checkpoints = new FakeCheckpointStore();
  const before: PublisherCheckpoint = { epoch: 1, seq: 7, gateways: { 'gw-1': { i: 'first', s: 500 } } };
  checkpoints.overwrite(before);
  const backlog = new SlowBacklogStore();
  const record = {
    gatewayId: 'gw-1',
    workspace: 'acme',
    fleet: 'default',
    incarnation: 'first',
    createdAt: '',
    ingestTokenHash: '',
    mqtt: {},
  };
  const dependencies: PartitionDependencies = {
    fleet: 'default',
    outbox: { read: async function* (): AsyncGenerator<OutboxItem> {} },
    line: new FakeOutbox().line,
    backlog,
    checkpoints,
    formerFleet: () => ({ backlog, checkpoints, line: new FakeOutbox().line }),
    vacantLeases: new VacantLeases({
      ...{ role: 'publisher', instance: 'publisher-1', nonce: 'nonce', ttlMs: 3_000 },
      ...{ leases: new InMemoryKv<LeaseRecord>(), clock, log: context.log },
    }),
    deadLetters: context.deadLetters,
    directory: { ofPartition: () => [{ value: record, revision: 1 }], fetch: async () => undefined },
    status: { publish: () => {}, forget: () => {} },
    connector: context.connector,
    connectQueue: context.connectQueue,
    upstream: context.upstream,
    limits: LIMITS,
    observer,
    clock,
    random: () => 0.5,
    log: context.log,
  };
  const partition = new Partition(0, dependencies, () => {});
  const started = partition.start(new FakeLease(5));
  await clock.advance(0);
  // As the fleet does when it first sees its lease valid.
  partition.resume();
  await clock.advance(LIMITS.recordIntervalMs);
  expect(checkpoints.stored).toEqual({ ...before, epoch: 5 });
  backlog.answer();
  await started;
  const [gateway] = partition.gateways();
  expect(gateway?.line.lane.settled).toBe(500);
  partition.abort();
});
