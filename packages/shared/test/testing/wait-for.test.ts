import { describe, expect, it } from 'vitest';
import { waitFor } from '../../src/testing/wait-for.ts';

describe('waitFor', () => {
  it('returns the first truthy value', async () => {
    const values = [undefined, 0, '', null, false, 'there'];
    expect(await waitFor(() => values.shift(), { intervalMs: 1 })).toBe('there');
  });

  it('looks at once: what is there already costs no time', async () => {
    expect(await waitFor(() => 1, { timeoutMs: 0 })).toBe(1);
  });

  it('takes asynchronous conditions, and a throw as "not yet"', async () => {
    let looks = 0;
    const condition = async () => {
      looks += 1;
      if (looks < 3) throw new Error('not there');
      return looks;
    };
    expect(await waitFor(condition, { intervalMs: 1 })).toBe(3);
  });

  it('says what it waited for, and what it saw last', async () => {
    const waiting = waitFor(() => false, { timeoutMs: 5, describe: 'the third PUBACK' });
    await expect(waiting).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
      message: 'waited 5 ms for the third PUBACK; last it was: false',
    });
  });

  it('names and keeps the last error', async () => {
    const cause = new Error('no such key');
    const waiting = waitFor(() => Promise.reject(cause), { timeoutMs: 5, describe: () => 'a record' });
    await expect(waiting).rejects.toMatchObject({
      message: 'waited 5 ms for a record; last it threw: Error: no such key',
      cause,
    });
  });

  it('does not wait for a condition that never answers', async () => {
    const waiting = waitFor(() => new Promise<never>(() => undefined), { timeoutMs: 20 });
    await expect(waiting).rejects.toThrow('waited 20 ms for the condition; it never answered');
  });
});
