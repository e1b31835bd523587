import { beforeEach, describe, expect, it } from 'vitest';
import { GatecastError } from '../../src/errors/index.ts';
import { createLogger } from '../../src/logging/index.ts';
import { type LeaseRecord, leaseKeyOf, VacantLeases } from '../../src/ownership/index.ts';
import { InMemoryKv, ManualClock } from '../../src/testing/index.ts';

const TTL_MS = 3_000;
const KEY = leaseKeyOf('publisher', 'east', 7);
const OWNER: LeaseRecord = { instance: 'owner', nonce: 'owner', renewedAt: '' };
const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });

describe('VacantLeases', () => {
  let clock: ManualClock;
  let leases: InMemoryKv<LeaseRecord>;
  let vacant: VacantLeases;

  beforeEach(() => {
    clock = new ManualClock();
    leases = new InMemoryKv();
    vacant = new VacantLeases({
      ...{ role: 'publisher', instance: 'west-1', nonce: 'nonce', ttlMs: TTL_MS },
      ...{ leases, clock, log },
    });
  });

  /** Asks once a second for so long. */
  async function ask(seconds: number): Promise<boolean[]> {
    const answers: boolean[] = [];
    for (let second = 0; second <= seconds; second += 1) {
      if (second > 0) await clock.advance(1_000);
      answers.push(await vacant.isVacant('east', 7));
    }
    return answers;
  }

  it('finds a lease vacant that was missing for a TTL', async () => {
    expect(await ask(3)).toEqual([false, false, false, true]);
    const revision = await leases.create(KEY, OWNER);
    expect(await ask(1)).toEqual([false, false]);
    await leases.delete(KEY, revision);
    expect(await ask(3)).toEqual([false, false, false, true]);
  });

  it('does not count the time in which nobody looked', async () => {
    await ask(1);
    await clock.advance(TTL_MS);
    expect(await ask(3)).toEqual([false, false, false, true]);
  });

  it('takes one for a TTL at most, counted from before it was asked for', async () => {
    leases.beforeNextWrite(() => clock.advance(500));
    const lease = await vacant.take('east', 7);
    expect(lease?.epoch).toBe((await leases.get(KEY))?.revision);
    expect((await leases.get(KEY))?.value).toMatchObject({ instance: 'west-1', nonce: 'nonce' });
    await clock.advance(TTL_MS - 501);
    expect(lease?.isValid()).toBe(true);
    await clock.advance(1);
    expect(lease?.isValid()).toBe(false);
  });

  it('gives it up, and leaves alone what another has by then', async () => {
    const lease = await vacant.take('east', 7);
    await lease?.giveUp();
    expect(await leases.get(KEY)).toBeUndefined();
    expect(lease?.isValid()).toBe(false);
    await leases.create(KEY, OWNER);
    await lease?.giveUp();
    expect((await leases.get(KEY))?.value).toEqual(OWNER);
  });

  it('does not take what another was faster to take, and says when NATS does not answer', async () => {
    await leases.create(KEY, OWNER);
    expect(await vacant.take('east', 7)).toBeUndefined();
    leases.failure = new GatecastError('NATS_UNAVAILABLE', 'away', { retryable: true });
    await expect(vacant.take('east', 7)).rejects.toMatchObject({ code: 'NATS_UNAVAILABLE' });
    await expect(vacant.isVacant('east', 7)).rejects.toMatchObject({ code: 'NATS_UNAVAILABLE' });
  });
});
