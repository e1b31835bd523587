import { InMemoryKv } from '@gatecast/shared/testing';
import { describe, expect, it } from 'vitest';
import { requiringConnection } from '../../../src/adapters/nats/require-connection.ts';

describe('requiringConnection', () => {
  it('fails every request at once while NATS is away, and passes it on otherwise', async () => {
    const nats = { connected: false, isConnected: () => nats.connected };
    const store = requiringConnection(new InMemoryKv<number>(), nats);
    const away = { code: 'NATS_UNAVAILABLE', retryable: true };
    await expect(store.get('a')).rejects.toMatchObject(away);
    await expect(store.create('a', 1)).rejects.toMatchObject(away);
    await expect(store.update('a', 1, 1)).rejects.toMatchObject(away);
    await expect(store.delete('a')).rejects.toMatchObject(away);
    nats.connected = true;
    const created = await store.create('a', 1);
    const updated = await store.update('a', 2, created);
    expect(await store.get('a')).toEqual({ value: 2, revision: updated });
    await store.delete('a', updated);
    expect(await store.get('a')).toBeUndefined();
  });
});
