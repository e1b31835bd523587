/** Ms since the epoch with fractions, never running backwards within a process: the clock of the faultable broker. */
export function timestamp(): number {
  return performance.timeOrigin + performance.now();
}
