import { keys } from '../../../src/nats/index.ts';
import type { HeldLease } from '../../../src/ownership/held-lease.ts';
import type { Lease, LeaseRecord, MemberRecord } from '../../../src/ownership/index.ts';
import { rendezvousOwner } from '../../../src/ownership/rendezvous.ts';
import { FLEET, PARTITIONS, ROLE, TIMING, type Variant } from './parameters.ts';
import { Scheduler, seededRandom } from './scheduler.ts';
import { SimulatedBroker } from './simulated-broker.ts';
import { SimulatedBucket } from './simulated-bucket.ts';
import { SimulatedProcess } from './simulated-process.ts';

/** The server, the brokers, the processes; and a look at everything that they do. */
export class World {
  readonly variant: Variant;
  readonly random: () => number;
  readonly scheduler = new Scheduler();
  readonly members: SimulatedBucket<MemberRecord>;
  readonly leases: SimulatedBucket<LeaseRecord>;
  readonly brokers: SimulatedBroker[];
  readonly processes: SimulatedProcess[] = [];
  readonly violations: string[] = [];
  /** Acquisitions so far, by partition. */
  readonly acquisitions: number[] = Array.from({ length: PARTITIONS }, () => 0);
  /** Part of the requests, answers and events that the network loses. */
  lossRate = 0;
  /** Upper bound of the network's delay to NATS, ms. */
  slowness = 4;
  readonly #highest: { epoch: number; by: SimulatedProcess | undefined }[];
  /** When the lease of an epoch was created on the server, by partition. */
  readonly #leasedAt: Map<number, number>[];
  #starts = 0;

  constructor(seed: number, variant: Variant) {
    this.variant = variant;
    this.random = seededRandom(seed);
    this.members = new SimulatedBucket(this.scheduler, TIMING.ttlMs, this.random);
    this.leases = new SimulatedBucket(this.scheduler, TIMING.ttlMs, this.random);
    this.leases.createsWithoutLooking = variant === 'creation without compare-and-set';
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    this.brokers = partitions.map((partition) => new SimulatedBroker(this, partition));
    this.#highest = partitions.map(() => ({ epoch: 0, by: undefined }));
    this.#leasedAt = partitions.map(() => new Map());
    this.leases.follow((key, current) => {
      if (current) this.#leasedAt[Number(key.split('.')[2])]?.set(current.revision, this.scheduler.now);
    });
  }

  get live(): SimulatedProcess[] {
    return this.processes.filter((process) => process.isUp);
  }

  start(instance: string): void {
    this.#starts += 1;
    this.processes.push(new SimulatedProcess(this, instance, `life-${this.#starts}`));
  }

  violated(what: string): void {
    this.violations.push(`at ${this.scheduler.now.toFixed(2)} ms: ${what}`);
  }

  latency(): number {
    return 0.1 + 4 * this.random();
  }

  natsLatency(): number {
    return 0.1 + this.slowness * this.random();
  }

  isLost(): boolean {
    return this.lossRate > 0 && this.random() < this.lossRate;
  }

  leasedAt(partition: number, epoch: number): number {
    return this.#leasedAt[partition]?.get(epoch) ?? this.scheduler.now;
  }

  /** A process was told that a partition is its own. Whether nobody else has been told so since it was told last. */
  acquired(process: SimulatedProcess, { partition, epoch }: HeldLease): boolean {
    this.acquisitions[partition]! += 1;
    const before = this.#highest[partition]!;
    if (epoch <= before.epoch) {
      this.violated(`partition ${partition}: ${process.instance} acquired in epoch ${epoch}, after ${before.epoch}`);
    }
    this.#highest[partition] = { epoch, by: process };
    return before.by === process;
  }

  /** A process writes to a socket: it must be the owner at this very moment, whatever it knows. */
  written(process: SimulatedProcess, partition: number, lease: Lease, packet: 'CONNECT' | 'PUBLISH'): void {
    const owner = this.leases.get(keys.lease(ROLE, FLEET, partition))?.value.nonce;
    const highest = this.#highest[partition]!;
    const facts = `partition ${partition}: ${process.instance} writes ${packet} in epoch ${lease.epoch}`;
    if (owner !== process.nonce) this.violated(`${facts}, the lease is ${owner ? 'another’s' : 'gone'}`);
    else if (lease.epoch < highest.epoch) this.violated(`${facts}, after ${highest.epoch}`);
    else if (highest.by !== process) this.violated(`${facts}, which is another’s`);
  }

  /** Undefined once every partition is served by the member that should own it; else what is amiss. */
  unsettled(): string | undefined {
    const live = this.live;
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const should = rendezvousOwner(
        String(partition),
        live.map(({ instance }) => instance),
      );
      // Of two with one name the one that is registered.
      const registered = this.members.get(keys.member(ROLE, FLEET, should ?? ''))?.value.nonce;
      const owner = live.find(({ nonce }) => nonce === registered);
      if (!owner) return `${should} is not registered`;
      if (!owner.core.owns(partition)) return `partition ${partition} is not owned by ${should}`;
      if (!owner.isConnected(partition)) return `partition ${partition} is not served by ${should}`;
      if (live.some((other) => other !== owner && other.core.owns(partition)))
        return `partition ${partition} is owned twice`;
    }
    return undefined;
  }
}
