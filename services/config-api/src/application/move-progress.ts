import {
  type EncoderCheckpoint,
  type GatewayRecord,
  hasArrived,
  hasLeft,
  ownEntry,
  type PublisherCheckpoint,
  partitionOf,
} from '@gatecast/shared/model';
import { ALL_FLEETS, type KeyValueView, keys } from '@gatecast/shared/nats';

export interface MoveProgressOptions {
  checkpoints: KeyValueView<EncoderCheckpoint | PublisherCheckpoint>;
  partitions: number;
}

/** Who has a gateway now. */
export interface Holder {
  /** The fleet whose record speaks for it. */
  fleet: string;
  /** How often it had changed its fleet when it came to that one. */
  moves: number;
  /** That fleet has given it away, and the next one has not taken it over yet. */
  isBetween: boolean;
}

/** How far gateways are on their way between fleets, from the records of encoder and publishers. From memory. */
export class MoveProgress {
  readonly #options: MoveProgressOptions;

  constructor(options: MoveProgressOptions) {
    this.#options = options;
  }

  /** Whether nothing is needed of the fleet that the gateway was in before: it may be moved on, that fleet deleted. */
  isComplete(gateway: GatewayRecord): boolean {
    if (gateway.movedFrom === undefined) return true;
    const encoder = this.#record('encoder', ALL_FLEETS, gateway) as EncoderCheckpoint | undefined;
    return hasArrived(this.#publisher(gateway.fleet, gateway), gateway) && hasLeft(encoder, gateway);
  }

  holderOf(gateway: GatewayRecord): Holder {
    const { fleet, movedFrom, moves = 0 } = gateway;
    if (movedFrom === undefined || hasArrived(this.#publisher(fleet, gateway), gateway)) {
      return { fleet, moves, isBetween: false };
    }
    const former = ownEntry(this.#publisher(movedFrom, gateway), gateway);
    return { fleet: movedFrom, moves: moves - 1, isBetween: former?.m !== undefined };
  }

  #publisher(fleet: string, gateway: GatewayRecord): PublisherCheckpoint | undefined {
    return this.#record('publisher', fleet, gateway) as PublisherCheckpoint | undefined;
  }

  #record(
    role: string,
    fleet: string,
    { gatewayId }: GatewayRecord,
  ): EncoderCheckpoint | PublisherCheckpoint | undefined {
    const { checkpoints, partitions } = this.#options;
    return checkpoints.get(keys.checkpoint(role, fleet, partitionOf(gatewayId, partitions)))?.value;
  }
}
