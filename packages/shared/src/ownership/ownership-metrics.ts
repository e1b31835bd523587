import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client';
import type { Acquisition } from './effects.ts';
import type { OwnershipObserver, PartitionOwnership } from './partition-ownership.ts';

/** Metrics of ownership, under the names of the role. */
export class OwnershipMetrics implements OwnershipObserver {
  readonly #role: string;
  readonly #registry: Registry;
  readonly #acquired: Counter<'after'>;
  readonly #handedOver: Counter;
  readonly #lost: Counter;
  readonly #superseded: Counter;
  readonly #takeover: Histogram;

  constructor(role: string, registry: Registry) {
    this.#role = role;
    this.#registry = registry;
    const registers = [registry];
    this.#acquired = new Counter({
      name: `gatecast_${role}_partitions_acquired_total`,
      help: 'Partitions that this process has come to own, by what had become of the owner before.',
      labelNames: ['after'],
      registers,
    });
    this.#handedOver = new Counter({
      name: `gatecast_${role}_handovers_total`,
      help: 'Partitions that were given up in order.',
      registers,
    });
    this.#lost = new Counter({
      name: `gatecast_${role}_partitions_lost_total`,
      help: 'Partitions that another process took because this one had gone silent.',
      registers,
    });
    this.#superseded = new Counter({
      name: `gatecast_${role}_partitions_superseded_total`,
      help: 'Leases given up because a record of the partition was of a later epoch.',
      registers,
    });
    this.#takeover = new Histogram({
      name: `gatecast_${role}_takeover_seconds`,
      help: 'From the last sign of life of the owner before to this process owning the partition.',
      buckets: [0.05, 0.25, 1, 2, 4, 8, 12, 16, 30],
      registers,
    });
  }

  /** Shows what `ownership` holds. */
  follow(ownership: PartitionOwnership): void {
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name: `gatecast_${this.#role}_${name}`,
        help,
        registers: [this.#registry],
        collect() {
          this.set(value());
        },
      });
    gauge('partitions_owned', 'Partitions whose lease this process holds.', () => ownership.held.partitions);
    gauge('leases_valid', 'Leases by which this process may act now.', () => ownership.held.valid);
    gauge(
      'partitions_misplaced',
      'Partitions held that another live process should have: it gets them by and by.',
      () => ownership.held.misplaced,
    );
    gauge('members', 'Live processes of the role and fleet, this one included.', () => ownership.members);
  }

  acquired({ after, gapMs }: Acquisition): void {
    this.#acquired.inc({ after });
    if (gapMs !== undefined) this.#takeover.observe(gapMs / 1_000);
  }

  lost(): void {
    this.#lost.inc();
  }

  superseded(): void {
    this.#superseded.inc();
  }

  handedOver(): void {
    this.#handedOver.inc();
  }
}
