import { isGatecastError } from '@gatecast/shared/errors';
import type { GatewayRecord, SensorsRecord } from '@gatecast/shared/model';
import type { KeyValueStore, KeyValueView, Revisioned } from '@gatecast/shared/nats';
import type { GatewayDirectory, SensorDirectory } from '../../application/ports.ts';

/**
 * A view, and what was read or written past it: a view follows with a delay, and what is known of a key never goes back
 * behind what was seen already.
 */
class FreshView<T> {
  readonly #view: KeyValueView<T>;
  readonly #ahead = new Map<string, Revisioned<T>>();

  constructor(view: KeyValueView<T>) {
    this.#view = view;
    view.onChange(({ key, current }) => {
      const ahead = this.#ahead.get(key);
      if (ahead && (!current || current.revision >= ahead.revision)) this.#ahead.delete(key);
    });
  }

  get(key: string): Revisioned<T> | undefined {
    return this.#ahead.get(key) ?? this.#view.get(key);
  }

  *keys(): Iterable<string> {
    for (const [key] of this.#view.entries()) yield key;
  }

  /** `entry` is what the key holds now, by the leader. */
  put(key: string, entry: Revisioned<T>): void {
    const shown = this.#view.get(key);
    if (!shown || shown.revision < entry.revision) this.#ahead.set(key, entry);
  }
}

export class KvGatewayDirectory implements GatewayDirectory {
  readonly #fresh: FreshView<GatewayRecord>;
  readonly #store: Pick<KeyValueStore<GatewayRecord>, 'get'>;

  constructor(view: KeyValueView<GatewayRecord>, store: Pick<KeyValueStore<GatewayRecord>, 'get'>) {
    this.#fresh = new FreshView(view);
    this.#store = store;
  }

  *moved(): Iterable<GatewayRecord> {
    for (const gatewayId of this.#fresh.keys()) {
      const record = this.#fresh.get(gatewayId)?.value;
      if (record?.movedFrom !== undefined) yield record;
    }
  }

  known(gatewayId: string): Revisioned<GatewayRecord> | undefined {
    return this.#fresh.get(gatewayId);
  }

  async ask(gatewayId: string): Promise<Revisioned<GatewayRecord> | undefined> {
    const current = await this.#store.get(gatewayId);
    if (current) this.#fresh.put(gatewayId, current);
    return current;
  }
}

export class KvSensorDirectory implements SensorDirectory {
  readonly #fresh: FreshView<SensorsRecord>;
  readonly #store: Pick<KeyValueStore<SensorsRecord>, 'get' | 'create' | 'update'>;

  constructor(
    view: KeyValueView<SensorsRecord>,
    store: Pick<KeyValueStore<SensorsRecord>, 'get' | 'create' | 'update'>,
  ) {
    this.#fresh = new FreshView(view);
    this.#store = store;
  }

  known(gatewayId: string): Revisioned<SensorsRecord> | undefined {
    return this.#fresh.get(gatewayId);
  }

  async change(
    gatewayId: string,
    change: (record: SensorsRecord | undefined) => SensorsRecord | undefined,
  ): Promise<Revisioned<SensorsRecord> | undefined> {
    for (;;) {
      const found = await this.#store.get(gatewayId);
      if (found) this.#fresh.put(gatewayId, found);
      const value = change(found?.value);
      if (!value || value === found?.value) return found;
      try {
        const revision = found
          ? await this.#store.update(gatewayId, value, found.revision)
          : await this.#store.create(gatewayId, value);
        const written = { value, revision };
        this.#fresh.put(gatewayId, written);
        return written;
      } catch (error) {
        if (!isGatecastError(error, 'REVISION_CONFLICT')) throw error;
      }
    }
  }
}
