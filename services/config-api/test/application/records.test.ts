import { GatecastError } from '@gatecast/shared/errors';
import { InMemoryKv, ManualClock } from '@gatecast/shared/testing';
import { describe, expect, it } from 'vitest';
import { Records } from '../../src/application/records.ts';

function setUp() {
  const kv = new InMemoryKv<{ n: number }>();
  const clock = new ManualClock();
  return { kv, clock, records: new Records<{ n: number }>({ store: kv, view: kv.view }, clock) };
}

/** Whether `promise` is settled once everything that can happen without time has happened. */
async function isSettled(promise: Promise<unknown>, clock: ManualClock): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await clock.advance(0);
  return settled;
}

describe('a write', () => {
  it('resolves only when the copy in memory shows it', async () => {
    const { kv, clock, records } = setUp();
    kv.view.hold();
    const created = records.create('a', { n: 1 });
    expect(await isSettled(created, clock)).toBe(false);
    kv.view.release();
    expect(records.get('a')).toEqual({ value: { n: 1 }, revision: await created });

    kv.view.hold();
    const updated = records.update('a', { n: 2 }, await created);
    expect(await isSettled(updated, clock)).toBe(false);
    kv.view.release();
    await updated;
    expect(records.get('a')?.value).toEqual({ n: 2 });

    kv.view.hold();
    const deleted = records.delete('a', await updated);
    expect(await isSettled(deleted, clock)).toBe(false);
    kv.view.release();
    await deleted;
    expect(records.get('a')).toBeUndefined();
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not wait for ever for a copy that lags', async () => {
    const { kv, clock, records } = setUp();
    kv.view.hold();
    const created = records.create('a', { n: 1 });
    await clock.advance(1_999);
    expect(await isSettled(created, clock)).toBe(false);
    await clock.advance(1);
    await created;
  });

  it('does not wait at all when it failed', async () => {
    const { kv, records } = setUp();
    kv.failure = new GatecastError('NATS_UNAVAILABLE', 'away', { retryable: true });
    await expect(records.create('a', { n: 1 })).rejects.toMatchObject({ code: 'NATS_UNAVAILABLE' });
  });
});

describe('change', () => {
  const increment = (current: { value: { n: number } } | undefined) => ({ n: (current?.value.n ?? 0) + 1 });

  it('is made to what another writer left', async () => {
    const { kv, records } = setUp();
    const revision = await records.create('a', { n: 1 });
    kv.beforeNextWrite(() => void kv.update('a', { n: 10 }, revision));
    expect((await records.change('a', undefined, increment)).value).toEqual({ n: 11 });
  });

  it('is not made to anything but the revision that was asked for', async () => {
    const { kv, records } = setUp();
    const revision = await records.create('a', { n: 1 });
    kv.beforeNextWrite(() => void kv.update('a', { n: 10 }, revision));
    await expect(records.change('a', [revision], increment)).rejects.toMatchObject({ code: 'stale_revision' });
    await expect(records.change('a', [revision], increment)).rejects.toMatchObject({ code: 'stale_revision' });
    expect(records.get('a')?.value).toEqual({ n: 10 });
  });

  it('creates what is missing, and writes nothing that is the same', async () => {
    const { records } = setUp();
    const { revision } = await records.change('a', undefined, increment);
    expect(await records.change('a', undefined, (current) => current!.value)).toEqual({ value: { n: 1 }, revision });
  });

  it('gives up when others are always faster', async () => {
    const { kv, records } = setUp();
    await records.create('a', { n: 1 });
    const interfere = () => {
      kv.beforeNextWrite(async () => {
        const current = kv.view.get('a')!;
        kv.beforeNextWrite(() => {});
        await kv.update('a', { n: current.value.n + 1 }, current.revision);
        interfere();
      });
    };
    interfere();
    await expect(records.change('a', undefined, increment)).rejects.toMatchObject({ kind: 'stale' });
  });
});

describe('remove', () => {
  it('removes what is there by then, and returns it', async () => {
    const { kv, records } = setUp();
    const revision = await records.create('a', { n: 1 });
    kv.beforeNextWrite(() => void kv.update('a', { n: 2 }, revision));
    expect(await records.remove('a', '*', () => {})).toEqual({ n: 2 });
    expect(records.get('a')).toBeUndefined();
  });

  it('leaves what is not at the revision that was asked for', async () => {
    const { records } = setUp();
    const revision = await records.create('a', { n: 1 });
    await records.update('a', { n: 2 }, revision);
    await expect(records.remove('a', [revision], () => {})).rejects.toMatchObject({ code: 'stale_revision' });
    expect(records.get('a')?.value).toEqual({ n: 2 });
  });
});
