/** What is shown of several measurements of one thing. NaN throughout when there are none. */
export interface Spread {
  median: number;
  lowest: number;
  highest: number;
}

export interface LatencySummary {
  count: number;
  /** All in ms. */
  p50: number;
  p99: number;
  p999: number;
  highest: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), lowest: percentile(values, 0), highest: percentile(values, 1) };
}

/** By nearest rank: a value that was measured, never one in between. `fraction` 0 is the lowest, 1 the highest. */
export function percentile(values: readonly number[], fraction: number): number {
  return ofSorted(
    values.toSorted((a, b) => a - b),
    fraction,
  );
}

export function summariseLatency(ms: readonly number[]): LatencySummary {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (fraction: number) => ofSorted(sorted, fraction);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), highest: at(1) };
}

function ofSorted(sorted: readonly number[], fraction: number): number {
  // Not by rounding alone: 0.999 × 1000 is 999.0000000000001 in doubles or not, by luck.
  const rank = Math.ceil(sorted.length * fraction - 1e-9);
  return sorted[Math.max(0, rank - 1)] ?? Number.NaN;
}
