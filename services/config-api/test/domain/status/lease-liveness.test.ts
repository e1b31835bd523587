import { describe, expect, it } from 'vitest';
import { LeaseLiveness } from '../../../src/domain/status/lease-liveness.ts';

const TTL = 12_000;
const KEY = 'publisher.default.1';

function lease(instance: string, nonce: string, revision: number) {
  return {
    value: { instance, nonce, renewedAt: `2026-01-01T00:00:${String(revision).padStart(2, '0')}.000Z` },
    revision,
  };
}

describe('LeaseLiveness', () => {
  it('knows of no owner before it has seen one', () => {
    expect(new LeaseLiveness(TTL).of(KEY, 0)).toEqual({ live: false, sinceEpoch: 0 });
  });

  it('lets a lease that is not renewed run out, although nobody said so', () => {
    const liveness = new LeaseLiveness(TTL);
    liveness.observe(KEY, lease('a', 'n1', 5), 1_000);
    expect(liveness.of(KEY, 1_000 + TTL - 1).live).toBe(true);
    expect(liveness.of(KEY, 1_000 + TTL).live).toBe(false);
    liveness.observe(KEY, lease('a', 'n1', 6), 14_000);
    expect(liveness.of(KEY, 14_000).live).toBe(true);
  });

  it('ends a lease that was given up at once, and remembers its last renewal', () => {
    const liveness = new LeaseLiveness(TTL);
    liveness.observe(KEY, lease('a', 'n1', 5), 1_000);
    liveness.observe(KEY, undefined, 1_001);
    expect(liveness.of(KEY, 1_001)).toEqual({
      live: false,
      instance: 'a',
      renewedAt: '2026-01-01T00:00:05.000Z',
      sinceEpoch: 0,
    });
  });

  it('tells a new owner’s time from that of its predecessor, also of the same name', () => {
    const liveness = new LeaseLiveness(TTL);
    liveness.observe(KEY, lease('a', 'n1', 5), 0);
    liveness.observe(KEY, lease('a', 'n1', 8), 0);
    liveness.observe(KEY, undefined, 0);
    liveness.observe(KEY, lease('a', 'n2', 10), 0);
    // Revision 8 was still the former one's; the epoch of the new lease may be any revision after it.
    expect(liveness.of(KEY, 0)).toMatchObject({ live: true, instance: 'a', sinceEpoch: 9 });
    liveness.observe(KEY, lease('a', 'n2', 12), 0);
    expect(liveness.of(KEY, 0).sinceEpoch).toBe(9);
  });

  it('takes a process that lost its lease and has it again for the same owner', () => {
    const liveness = new LeaseLiveness(TTL);
    liveness.observe(KEY, lease('a', 'n1', 5), 0);
    liveness.observe(KEY, undefined, 0);
    liveness.observe(KEY, lease('a', 'n1', 9), 0);
    expect(liveness.of(KEY, 0)).toMatchObject({ live: true, sinceEpoch: 0 });
  });

  it('keeps leases apart', () => {
    const liveness = new LeaseLiveness(TTL);
    liveness.observe(KEY, lease('a', 'n1', 5), 0);
    expect(liveness.of('publisher.other.1', 0).live).toBe(false);
  });
});
