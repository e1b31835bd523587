import type { Clock } from '@gatecast/shared/lifecycle';
import type { GatewayRecord } from '@gatecast/shared/model';
import { partitionOf } from '@gatecast/shared/model';
import type { KeyValueView } from '@gatecast/shared/nats';
import type { Lease, OwnershipHandlers } from '@gatecast/shared/ownership';
import { Partition } from './partition.ts';
import type { PartitionDependencies } from './partition-dependencies.ts';
import { WatchedLease } from './watched-lease.ts';

const LEASE_CHECK_MS = 200;
const AGE_CHECK_MS = 1_000;

export interface FleetPublisherOptions {
  dependencies: PartitionDependencies;
  integrations: KeyValueView<GatewayRecord>;
  partitions: number;
  clock: Clock;
}

interface Owned {
  partition: Partition;
  lease: WatchedLease;
  started: Promise<void>;
  /** The lease ran out before the record could be claimed. */
  hasFailed: boolean;
}

/** Serves the partitions of its fleet that this process owns. */
export class FleetPublisher implements OwnershipHandlers {
  readonly #options: FleetPublisherOptions;
  readonly #owned = new Map<number, Owned>();
  readonly #unsubscribe: () => void;
  #tick: { cancel(): void } | undefined;
  #ageTick: { cancel(): void } | undefined;

  constructor(options: FleetPublisherOptions) {
    this.#options = options;
    this.#unsubscribe = options.integrations.onChange(({ key, current, previous }) => {
      const { fleet } = options.dependencies;
      const isOurs = (entry = current) => entry?.value.fleet === fleet || entry?.value.movedFrom === fleet;
      if (!isOurs(current) && !isOurs(previous)) return;
      const partition = this.#owned.get(partitionOf(key, options.partitions))?.partition;
      partition?.gatewayChanged(key, current);
    });
    this.#watchLease();
    this.#watchAge();
  }

  /** Partitions that are served now. */
  partitions(): Partition[] {
    return [...this.#owned.values()].map((owned) => owned.partition);
  }

  acquired(number: number, acquired: Lease): void {
    const lease = new WatchedLease(acquired);
    const owned = this.#owned.get(number);
    if (!owned) {
      this.#start(number, lease);
      return;
    }
    owned.lease = lease;
    owned.started = owned.started.then(async () => {
      if (this.#owned.get(number) !== owned || owned.lease !== lease) return;
      if (await owned.partition.reacquired(lease)) return;
      owned.partition.abort();
      this.#start(number, lease);
    });
  }

  async lost(number: number): Promise<void> {
    const owned = this.#owned.get(number);
    this.#owned.delete(number);
    owned?.partition.abort();
  }

  async release(number: number): Promise<void> {
    const owned = this.#owned.get(number);
    this.#owned.delete(number);
    await owned?.partition.release();
  }

  stop(): void {
    this.#unsubscribe();
    this.#tick?.cancel();
    this.#ageTick?.cancel();
  }

  #start(number: number, lease: WatchedLease): void {
    const { dependencies } = this.#options;
    const partition = new Partition(number, dependencies, () => this.#superseded(owned));
    const owned: Owned = { partition, lease, started: Promise.resolve(), hasFailed: false };
    this.#owned.set(number, owned);
    owned.started = partition.start(lease).then((isOurs) => {
      if (isOurs || this.#owned.get(number) !== owned) return;
      owned.hasFailed = !lease.isValid();
      if (!owned.hasFailed) this.#superseded(owned);
    });
  }

  /** The record is of a later epoch: the partition would be nobody's for as long as we renewed our lease. */
  #superseded({ partition, lease }: Owned): void {
    const { log } = this.#options.dependencies;
    const { number } = partition;
    log.warn({ partition: number, epoch: lease.epoch }, 'another process has the record of this partition');
    partition.abort();
    if (this.#owned.get(number)?.partition === partition) this.#owned.delete(number);
    lease.giveUp();
  }

  /** Slow brokers make no event of their own. */
  #watchAge(): void {
    this.#ageTick = this.#options.clock.setTimeout(() => {
      for (const { partition } of this.#owned.values()) for (const { line } of partition.gateways()) line.checkAge();
      this.#watchAge();
    }, AGE_CHECK_MS);
  }

  /** A renewal that came late makes the lease valid again: go on with what was held back meanwhile. */
  #watchLease(): void {
    this.#tick = this.#options.clock.setTimeout(() => {
      for (const owned of [...this.#owned.values()]) {
        if (!owned.lease.isValidAgain()) continue;
        if (owned.hasFailed) this.#start(owned.partition.number, owned.lease);
        else owned.partition.resume();
      }
      this.#watchLease();
    }, LEASE_CHECK_MS);
  }
}
