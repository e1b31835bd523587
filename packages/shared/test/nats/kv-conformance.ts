import { describe, expect, it, onTestFinished } from 'vitest';
import type { KeyValueStore, KeyValueView, KvChange } from '../../src/nats/index.ts';
import { waitFor } from '../../src/testing/wait-for.ts';

interface Sample {
  text: string;
  nested?: { list: number[] };
}

export interface KvUnderTest {
  store: KeyValueStore<Sample>;
  view: KeyValueView<Sample>;
  dispose(): Promise<void>;
}

/** What every bucket and every view of one must do, real or fake. `open` gives an empty bucket. */
export function describeKeyValueStore(name: string, open: () => Promise<KvUnderTest>): void {
  describe(name, () => {
    const setUp = async () => {
      const bucket = await open();
      onTestFinished(() => bucket.dispose());
      return bucket;
    };

    it('reads back what was created, with its revision', async () => {
      const { store } = await setUp();
      const revision = await store.create('a', { text: 'one', nested: { list: [1, 2] } });
      expect(await store.get('a')).toEqual({ value: { text: 'one', nested: { list: [1, 2] } }, revision });
    });

    it('has nothing under a key that was never written', async () => {
      const { store } = await setUp();
      expect(await store.get('nobody')).toBeUndefined();
    });

    it('refuses to create a key that exists', async () => {
      const { store } = await setUp();
      await store.create('a', { text: 'one' });
      await expect(store.create('a', { text: 'two' })).rejects.toMatchObject({ code: 'REVISION_CONFLICT' });
      expect((await store.get('a'))?.value.text).toBe('one');
    });

    it('gives revisions that grow over all keys', async () => {
      const { store } = await setUp();
      const first = await store.create('a', { text: 'one' });
      const second = await store.create('b', { text: 'two' });
      const third = await store.update('a', { text: 'three' }, first);
      expect(second).toBeGreaterThan(first);
      expect(third).toBeGreaterThan(second);
    });

    it('updates only at the expected revision', async () => {
      const { store } = await setUp();
      const first = await store.create('a', { text: 'one' });
      const second = await store.update('a', { text: 'two' }, first);
      await expect(store.update('a', { text: 'three' }, first)).rejects.toMatchObject({ code: 'REVISION_CONFLICT' });
      expect(await store.get('a')).toEqual({ value: { text: 'two' }, revision: second });
    });

    it('deletes only at the expected revision, when one is given', async () => {
      const { store } = await setUp();
      const first = await store.create('a', { text: 'one' });
      const second = await store.update('a', { text: 'two' }, first);
      await expect(store.delete('a', first)).rejects.toMatchObject({ code: 'REVISION_CONFLICT' });
      await store.delete('a', second);
      expect(await store.get('a')).toBeUndefined();
    });

    it('deletes without a revision, and a second time', async () => {
      const { store } = await setUp();
      await store.create('a', { text: 'one' });
      await store.delete('a');
      await store.delete('a');
      expect(await store.get('a')).toBeUndefined();
    });

    it('creates a deleted key again, with a higher revision', async () => {
      const { store } = await setUp();
      const first = await store.create('a', { text: 'one' });
      await store.delete('a', first);
      const second = await store.create('a', { text: 'again' });
      expect(second).toBeGreaterThan(first);
      await expect(store.update('a', { text: 'late' }, first)).rejects.toMatchObject({ code: 'REVISION_CONFLICT' });
    });

    it('keeps its own copy of a record', async () => {
      const { store } = await setUp();
      const record: Sample = { text: 'one', nested: { list: [1] } };
      await store.create('a', record);
      record.nested?.list.push(2);
      const read = await store.get('a');
      read?.value.nested?.list.push(3);
      expect((await store.get('a'))?.value.nested?.list).toEqual([1]);
    });

    it('shows writes in the view, with the same revisions', async () => {
      const { store, view } = await setUp();
      const first = await store.create('a', { text: 'one' });
      await waitFor(() => view.get('a')?.revision === first);
      const second = await store.update('a', { text: 'two' }, first);
      await waitFor(() => view.get('a')?.revision === second);
      expect([...view.entries()]).toEqual([['a', { value: { text: 'two' }, revision: second }]]);
      await store.delete('a');
      await waitFor(() => view.get('a') === undefined);
      expect([...view.entries()]).toEqual([]);
    });

    it('tells listeners of every change in order, until they unsubscribe', async () => {
      const { store, view } = await setUp();
      const changes: KvChange<Sample>[] = [];
      const unsubscribe = view.onChange((change) => changes.push(change));
      const first = await store.create('a', { text: 'one' });
      await waitFor(() => changes.length === 1);
      const second = await store.update('a', { text: 'two' }, first);
      await waitFor(() => changes.length === 2);
      await store.delete('a');
      await waitFor(() => changes.length === 3);
      const one = { value: { text: 'one' }, revision: first };
      const two = { value: { text: 'two' }, revision: second };
      expect(changes).toEqual([
        { key: 'a', current: one, previous: undefined },
        { key: 'a', current: two, previous: one },
        { key: 'a', current: undefined, previous: two, gone: 'deleted' },
      ]);
      unsubscribe();
      const third = await store.create('a', { text: 'three' });
      await waitFor(() => view.get('a')?.revision === third);
      expect(changes).toHaveLength(3);
    });

    it('tells listeners the last of changes in quick succession, whatever it skips', async () => {
      const { store, view } = await setUp();
      const texts: (string | undefined)[] = [];
      view.onChange(({ current }) => texts.push(current?.value.text));
      let revision = await store.create('a', { text: '0' });
      for (let n = 1; n <= 50; n += 1) revision = await store.update('a', { text: String(n) }, revision);
      await waitFor(() => texts.at(-1) === '50');
      const told = texts.map(Number);
      expect(told).toEqual(told.toSorted((one, other) => one - other));
      expect(view.get('a')?.revision).toBe(revision);
    });
  });
}
