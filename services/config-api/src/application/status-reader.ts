import { isGatecastError } from '@gatecast/shared/errors';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import {
  completeIntegration,
  type EncoderCheckpoint,
  type GatewayRecord,
  type PublisherCheckpoint,
  partitionOf,
  type SensorsRecord,
  type StatusRecord,
} from '@gatecast/shared/model';
import { ALL_FLEETS, type KeyValueView, keys } from '@gatecast/shared/nats';
import { type LeaseRecord, leaseKeyOf } from '@gatecast/shared/ownership';
import { type CombinedStatus, combineStatus } from '../domain/status/combine.ts';
import { type Delivery, deliveryOf, presenceOf } from '../domain/status/delivery.ts';
import { LeaseLiveness } from '../domain/status/lease-liveness.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import type { MoveProgress } from './move-progress.ts';
import type { WaitingRooms } from './ports.ts';

export interface StatusReaderOptions {
  status: KeyValueView<StatusRecord>;
  leases: KeyValueView<LeaseRecord>;
  checkpoints: KeyValueView<EncoderCheckpoint | PublisherCheckpoint>;
  sensors: KeyValueView<SensorsRecord>;
  /** Since when readings of a partition wait to be encoded, ms since the epoch. */
  oldestUnencodedAt: (partition: number) => number | undefined;
  waitingRooms: WaitingRooms;
  moves: MoveProgress;
  partitions: number;
  leaseTtlMs: number;
  clock: Clock;
  log: Logger;
}

/** Status and delivery, together. Times are ISO 8601. */
export interface FullStatus extends CombinedStatus {
  delivered: number;
  lastDeliveredAt?: string;
  backlog: { messages: number; oldest?: string; lost: number };
}

/** What is known of a gateway itself. */
export interface GatewayFacts {
  online: boolean;
  lastSeenAt?: string;
  firmwareVersion?: string;
  /** The fleet that it is leaving. */
  movingFrom?: string;
}

/** How far each partition is encoded, from the encoder's records: a READINGS sequence, 0 when there is no record. */
export function encodedUpTo(
  checkpoints: KeyValueView<EncoderCheckpoint | PublisherCheckpoint>,
): (partition: number) => number {
  return (partition) => checkpoints.get(keys.checkpoint('encoder', ALL_FLEETS, partition))?.value.seq ?? 0;
}

/** The read side of a gateway: what others have written about it, put together. Reads come from memory. */
export class StatusReader {
  readonly #options: StatusReaderOptions;
  readonly #liveness: LeaseLiveness;
  readonly #unsubscribe: () => void;

  constructor(options: StatusReaderOptions) {
    const { leases, leaseTtlMs, clock } = options;
    this.#options = options;
    this.#liveness = new LeaseLiveness(leaseTtlMs);
    for (const [key, lease] of leases.entries()) this.#liveness.observe(key, lease, clock.monotonic());
    this.#unsubscribe = leases.onChange(({ key, current }) => {
      this.#liveness.observe(key, current, clock.monotonic());
    });
  }

  stop(): void {
    this.#unsubscribe();
  }

  statusOf(gateway: GatewayRecord): CombinedStatus {
    const { status, oldestUnencodedAt, clock, moves } = this.#options;
    const partition = this.#partitionOf(gateway);
    const now = clock.monotonic();
    const publisherOf = (fleet: string) => this.#liveness.of(leaseKeyOf('publisher', fleet, partition), now);
    const holder = moves.holderOf(gateway);
    const owner = publisherOf(holder.fleet);
    // A gateway that is leaving is served until it has left, if there is anybody to serve it.
    const isMoving = holder.isBetween || (holder.fleet !== gateway.fleet && !owner.live);
    const record = status.get(gateway.gatewayId)?.value;
    return combineStatus({
      gateway,
      record: (record?.moves ?? 0) === holder.moves ? record : undefined,
      publisher: isMoving ? publisherOf(gateway.fleet) : owner,
      isMoving,
      encoder: this.#liveness.of(leaseKeyOf('encoder', ALL_FLEETS, partition), now),
      oldestUnencodedAt: oldestUnencodedAt(partition),
      now: clock.now(),
    });
  }

  /** With what was delivered. Asks NATS only for the age of a backlog, and leaves it out when NATS does not answer. */
  async fullStatusOf(gateway: GatewayRecord): Promise<FullStatus> {
    const { waiting, lost, settled, ...delivery } = this.#deliveryOf(gateway);
    const { fleet } = this.#options.moves.holderOf(gateway);
    const oldest = waiting > 0 ? await this.#oldestWaiting({ ...gateway, fleet }, settled) : undefined;
    return {
      ...this.statusOf(gateway),
      ...delivery,
      backlog: withoutUndefined({ messages: waiting, oldest, lost }),
    };
  }

  factsOf(gateway: GatewayRecord): GatewayFacts {
    const { checkpoints, sensors, clock } = this.#options;
    const { gatewayId, incarnation, mqtt } = gateway;
    const record = checkpoints.get(keys.checkpoint('encoder', ALL_FLEETS, this.#partitionOf(gateway)));
    const position = (record?.value as EncoderCheckpoint | undefined)?.gateways[gatewayId];
    const { measurementIntervalSeconds } = completeIntegration(gatewayId, mqtt);
    const about = sensors.get(gatewayId)?.value;
    return withoutUndefined({
      ...presenceOf(position, incarnation, measurementIntervalSeconds, clock.now()),
      movingFrom: this.#options.moves.isComplete(gateway) ? undefined : gateway.movedFrom,
      firmwareVersion: about?.incarnation === incarnation ? about.firmwareVersion : undefined,
    });
  }

  #deliveryOf(gateway: GatewayRecord): Delivery {
    const { gatewayId, incarnation } = gateway;
    const { fleet } = this.#options.moves.holderOf(gateway);
    const key = keys.checkpoint('publisher', fleet, this.#partitionOf(gateway));
    const record = this.#options.checkpoints.get(key)?.value as PublisherCheckpoint | undefined;
    return deliveryOf(record?.gateways[gatewayId], incarnation);
  }

  async #oldestWaiting(gateway: GatewayRecord, settled: number): Promise<string | undefined> {
    try {
      const time = await this.#options.waitingRooms.oldestAfter(gateway, settled);
      return time === undefined ? undefined : new Date(time).toISOString();
    } catch (error) {
      if (!isGatecastError(error)) throw error;
      this.#options.log.debug({ err: error, gatewayId: gateway.gatewayId }, 'could not look into the waiting room');
      return undefined;
    }
  }

  #partitionOf({ gatewayId }: GatewayRecord): number {
    return partitionOf(gatewayId, this.#options.partitions);
  }
}
