import type { SensorsRecord } from '@gatecast/shared/model';
import { InMemoryKv } from '@gatecast/shared/testing';
import { describe, expect, it } from 'vitest';
import { KvSensorDirectory } from '../../src/adapters/nats/directories.ts';

const record = (firmwareVersion: string): SensorsRecord => ({ incarnation: 'A', firmwareVersion, sensors: {} });

function setUp() {
  const store = new InMemoryKv<SensorsRecord>();
  return { store, directory: new KvSensorDirectory(store.view, store) };
}

describe('KvSensorDirectory', () => {
  it('knows what it has written before its view does', async () => {
    const { store, directory } = setUp();
    store.view.hold();
    const written = await directory.change('gw', () => record('1'));
    expect(directory.known('gw')).toEqual(written);
    const revision = await store.update('gw', record('2'), written!.revision);
    store.view.release();
    expect(directory.known('gw')).toEqual({ value: record('2'), revision });
  });

  it('changes what somebody else has just written', async () => {
    const { store, directory } = setUp();
    const revision = await store.create('gw', { ...record('1'), sensors: { S: { name: 'Desk' } } });
    store.beforeNextWrite(async () => {
      await store.update('gw', { ...record('1'), sensors: { S: { name: 'Shelf' } } }, revision);
    });
    const changed = await directory.change('gw', (found) => found && { ...found, firmwareVersion: '2' });
    expect(changed?.value).toEqual({ ...record('2'), sensors: { S: { name: 'Shelf' } } });
  });

  it('writes nothing when nothing changes', async () => {
    const { store, directory } = setUp();
    const revision = await store.create('gw', record('1'));
    expect(await directory.change('gw', (found) => found)).toEqual({ value: record('1'), revision });
    expect(await directory.change('other', () => undefined)).toBeUndefined();
  });

  it('forgets what was deleted', async () => {
    const { store, directory } = setUp();
    store.view.hold();
    await directory.change('gw', () => record('1'));
    await store.delete('gw');
    store.view.release();
    expect(directory.known('gw')).toBeUndefined();
  });
});
