import { fnv1a32 } from '../model/index.ts';

/**
 * Which of `members` should own `key`: the one whose hash together with it is highest (rendezvous hashing, Thaler and
 * Ravishankar 1998). All who know the same members say the same, and one that comes or goes moves only its own share.
 * Undefined: there is no member.
 */
export function rendezvousOwner(key: string, members: Iterable<string>): string | undefined {
  let owner: string | undefined;
  let highest = -1;
  for (const member of members) {
    const score = mix(fnv1a32(`${member}\n${key}`));
    if (score < highest || (score === highest && owner !== undefined && member > owner)) continue;
    owner = member;
    highest = score;
  }
  return owner;
}

/** Finalizer of MurmurHash3: FNV-1a alone hardly mixes its last bytes into the high bits that decide here. */
function mix(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
