/** Ms since the epoch with fractions, never running backwards within a process: fit for latencies and for order. */
export function timestamp(): number {
  return performance.timeOrigin + performance.now();
}
