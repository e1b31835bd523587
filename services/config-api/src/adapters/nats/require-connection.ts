import { GatecastError } from '@gatecast/shared/errors';
import type { KeyValueStore, Nats } from '@gatecast/shared/nats';

/**
 * Fails at once while NATS is away, instead of after the time that a request would wait for its answer.
 * @throws {GatecastError} `NATS_UNAVAILABLE`: nothing was sent, so nothing has changed
 */
export function requireConnection(nats: Pick<Nats, 'isConnected'>): void {
  if (nats.isConnected()) return;
  throw new GatecastError('NATS_UNAVAILABLE', 'not connected to NATS', { retryable: true });
}

/** `store`, whose requests fail at once while NATS is away. */
export function requiringConnection<T>(store: KeyValueStore<T>, nats: Pick<Nats, 'isConnected'>): KeyValueStore<T> {
  const guarded =
    <A extends unknown[], R>(request: (...args: A) => Promise<R>) =>
    async (...args: A) => {
      requireConnection(nats);
      return request(...args);
    };
  return {
    get: guarded((key: string) => store.get(key)),
    create: guarded((key: string, value: T) => store.create(key, value)),
    update: guarded((key: string, value: T, revision: number) => store.update(key, value, revision)),
    delete: guarded((key: string, revision?: number) => store.delete(key, revision)),
  };
}
