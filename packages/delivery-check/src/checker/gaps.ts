import type { Accepted, Delivered } from './evidence.ts';

export interface Gap {
  readonly ms: number;
  /** When a reading came again, ms since the epoch. */
  readonly until: number;
}

/**
 * The longest time in which accepted readings waited and none came: from the later of the last delivery and the
 * moment when the first of those that waited was accepted, to the next delivery. What never came does not count here: it
 * is missing.
 */
export function worstGap(accepted: readonly Accepted[], delivered: readonly Delivered[]): Gap {
  const acceptedAt = new Map(accepted.map(({ n, time }) => [n, time]));
  const arrivals = firstDeliveries(delivered).sort((a, b) => a.time - b.time);
  let worst: Gap = { ms: 0, until: 0 };
  /** When the earliest of this arrival and all later ones was accepted. */
  let waitingSince = Number.POSITIVE_INFINITY;
  for (let index = arrivals.length - 1; index >= 0; index -= 1) {
    const { n, time } = arrivals[index]!;
    waitingSince = Math.min(waitingSince, acceptedAt.get(n) ?? Number.POSITIVE_INFINITY);
    const before = arrivals[index - 1]?.time ?? Number.NEGATIVE_INFINITY;
    const ms = time - Math.max(before, waitingSince);
    if (ms > worst.ms) worst = { ms, until: time };
  }
  return { ms: Math.round(worst.ms), until: worst.until };
}

/** Without repeats, in the order in which they came. */
export function firstDeliveries(delivered: readonly Delivered[]): Delivered[] {
  const seen = new Set<number>();
  return delivered.filter(({ n }) => seen.size < seen.add(n).size);
}
