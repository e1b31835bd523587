import { describe, expect, it } from 'vitest';
import { rendezvousOwner } from '../../src/ownership/rendezvous.ts';

const KEYS = Array.from({ length: 6_000 }, (_, key) => String(key));

function shares(members: string[]): Map<string, number> {
  const counts = new Map(members.map((member) => [member, 0]));
  for (const key of KEYS) {
    const owner = rendezvousOwner(key, members)!;
    counts.set(owner, counts.get(owner)! + 1);
  }
  return counts;
}

describe('rendezvousOwner', () => {
  it.each([
    [['publisher-0', 'publisher-1', 'publisher-2']],
    [['gatecast-mqtt-publisher-7d4b9c6f5-x2x7k', 'gatecast-mqtt-publisher-7d4b9c6f5-x2x7l']],
    [['a', 'b', 'c', 'd', 'e', 'f']],
  ])('shares out evenly among %j', (members) => {
    for (const count of shares(members).values()) {
      expect(Math.abs(count / (KEYS.length / members.length) - 1)).toBeLessThan(0.07);
    }
  });

  it('does not depend on the order in which members are seen', () => {
    for (const key of KEYS.slice(0, 100)) {
      expect(rendezvousOwner(key, ['a', 'b', 'c'])).toBe(rendezvousOwner(key, ['c', 'a', 'b']));
    }
  });

  it('moves only the share of the one that comes or goes', () => {
    const before = KEYS.map((key) => rendezvousOwner(key, ['a', 'b', 'c']));
    const after = KEYS.map((key) => rendezvousOwner(key, ['a', 'b', 'c', 'd']));
    const moved = after.filter((owner, index) => owner !== before[index]);
    expect(moved.every((owner) => owner === 'd')).toBe(true);
    expect(Math.abs(moved.length / (KEYS.length / 4) - 1)).toBeLessThan(0.07);
  });

  it('knows no owner without members', () => {
    expect(rendezvousOwner('0', [])).toBeUndefined();
  });
});
