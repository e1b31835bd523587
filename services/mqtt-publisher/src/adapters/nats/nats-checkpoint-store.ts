import type { PublisherCheckpoint } from '@gatecast/shared/model';
import { type KeyValueStore, keys, type Revisioned } from '@gatecast/shared/nats';
import type { CheckpointStore } from '../../application/ports.ts';

/** A fleet's checkpoints in the bucket of that name. */
export class NatsCheckpointStore implements CheckpointStore {
  readonly #store: KeyValueStore<PublisherCheckpoint>;
  readonly #fleet: string;

  constructor(store: KeyValueStore<PublisherCheckpoint>, fleet: string) {
    this.#store = store;
    this.#fleet = fleet;
  }

  read(partition: number): Promise<Revisioned<PublisherCheckpoint> | undefined> {
    return this.#store.get(keys.checkpoint('publisher', this.#fleet, partition));
  }

  write(partition: number, checkpoint: PublisherCheckpoint, revision: number | undefined): Promise<number> {
    const key = keys.checkpoint('publisher', this.#fleet, partition);
    return revision === undefined ? this.#store.create(key, checkpoint) : this.#store.update(key, checkpoint, revision);
  }
}
