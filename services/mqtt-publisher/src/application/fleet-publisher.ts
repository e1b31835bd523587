import type { Clock } from '@gatecast/shared/lifecycle';
import type { GatewayRecord } from '@gatecast/shared/model';
import { partitionOf } from '@gatecast/shared/model';
import type { KeyValueView } from '@gatecast/shared/nats';
import type { Lease, OwnershipHandlers } from '@gatecast/shared/ownership';
import { Partition } from './partition.ts';
import type { PartitionDependencies } from './partition-dependencies.ts';

const LEASE_CHECK_MS = 200;

export interface FleetPublisherOptions {
  dependencies: PartitionDependencies;
  integrations: KeyValueView<GatewayRecord>;
  partitions: number;
  clock: Clock;
}

/** Serves the partitions of its fleet that this process owns. */
export class FleetPublisher implements OwnershipHandlers {
  readonly #options: FleetPublisherOptions;
  readonly #owned = new Map<number, { partition: Partition; lease: Lease; started: Promise<void> }>();
  readonly #unsubscribe: () => void;
  #tick: { cancel(): void } | undefined;
  #wasValid = false;

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
  }

  /** Partitions that are served now. */
  partitions(): Partition[] {
    return [...this.#owned.values()].map((owned) => owned.partition);
  }

  acquired(number: number, lease: Lease): void {
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
  }

  #start(number: number, lease: Lease): void {
    const { dependencies } = this.#options;
    const partition = new Partition(number, dependencies, () => {
      dependencies.log.warn({ partition: number }, 'another process has the record of this partition');
      void this.lost(number);
    });
    const started = partition.start(lease).then((isOurs) => {
      if (!isOurs && lease.isValid()) {
        dependencies.log.error({ partition: number, epoch: lease.epoch }, 'the checkpoint is of a higher epoch');
      }
    });
    this.#owned.set(number, { partition, lease, started });
  }

  /** A renewal that came late makes the lease valid again: go on with what was held back meanwhile. */
  #watchLease(): void {
    this.#tick = this.#options.clock.setTimeout(() => {
      const leases = [...this.#owned.values()];
      const valid = leases.length > 0 && leases.every((owned) => owned.lease.isValid());
      if (valid && !this.#wasValid) for (const owned of leases) owned.partition.resume();
      this.#wasValid = valid;
      this.#watchLease();
    }, LEASE_CHECK_MS);
  }
}
