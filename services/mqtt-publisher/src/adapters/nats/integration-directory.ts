import { type GatewayRecord, partitionOf } from '@gatecast/shared/model';
import type { KeyValueStore, KeyValueView, Revisioned } from '@gatecast/shared/nats';
import type { GatewayDirectory } from '../../application/ports.ts';

/** The gateways of one fleet, and those that come from there, from the bucket `integrations`. */
export class IntegrationDirectory implements GatewayDirectory {
  readonly #view: KeyValueView<GatewayRecord>;
  readonly #store: KeyValueStore<GatewayRecord>;
  readonly #fleet: string;
  readonly #partitions: number;

  constructor(
    view: KeyValueView<GatewayRecord>,
    store: KeyValueStore<GatewayRecord>,
    fleet: string,
    partitions: number,
  ) {
    this.#view = view;
    this.#store = store;
    this.#fleet = fleet;
    this.#partitions = partitions;
  }

  *ofPartition(partition: number): Iterable<Revisioned<GatewayRecord>> {
    for (const [gatewayId, entry] of this.#view.entries()) {
      const { fleet, movedFrom } = entry.value;
      const isOurs = fleet === this.#fleet || movedFrom === this.#fleet;
      if (isOurs && partitionOf(gatewayId, this.#partitions) === partition) yield entry;
    }
  }

  fetch(gatewayId: string): Promise<Revisioned<GatewayRecord> | undefined> {
    return this.#store.get(gatewayId);
  }
}
