import { type GatewayRecord, partitionOf } from '@gatecast/shared/model';
import type { KeyValueStore, KeyValueView, Revisioned } from '@gatecast/shared/nats';
import type { GatewayDirectory } from '../../application/ports.ts';

/** The gateways of one fleet, and those that come from there, from the bucket `integrations`, kept by partition. */
export class IntegrationDirectory implements GatewayDirectory {
  readonly #view: KeyValueView<GatewayRecord>;
  readonly #store: KeyValueStore<GatewayRecord>;
  readonly #fleet: string;
  readonly #partitions: number;
  readonly #byPartition = new Map<number, Set<string>>();

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
    for (const [gatewayId, { value }] of view.entries()) this.#index(gatewayId, value);
    view.onChange(({ key, current }) => this.#index(key, current?.value));
  }

  *ofPartition(partition: number): Iterable<Revisioned<GatewayRecord>> {
    for (const gatewayId of this.#byPartition.get(partition) ?? []) {
      const entry = this.#view.get(gatewayId);
      if (entry) yield entry;
    }
  }

  known(gatewayId: string): Revisioned<GatewayRecord> | undefined {
    return this.#view.get(gatewayId);
  }

  fetch(gatewayId: string): Promise<Revisioned<GatewayRecord> | undefined> {
    return this.#store.get(gatewayId);
  }

  #index(gatewayId: string, record: GatewayRecord | undefined): void {
    const partition = partitionOf(gatewayId, this.#partitions);
    const gateways = this.#byPartition.get(partition);
    const isOurs = record?.fleet === this.#fleet || record?.movedFrom === this.#fleet;
    if (!isOurs) gateways?.delete(gatewayId);
    else if (gateways) gateways.add(gatewayId);
    else this.#byPartition.set(partition, new Set([gatewayId]));
  }
}
