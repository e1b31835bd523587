import type { Accepted, Delivered } from './evidence.ts';
import { firstDeliveries } from './gaps.ts';

/** From (inclusive) and to (exclusive), ms since the epoch. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

/**
 * From a reading's request, the first time that it was sent, to its first delivery, ms: of readings that were sent in the
 * period, were accepted and have come. What a gateway had to send again counts from the first time.
 */
export function latencies(accepted: readonly Accepted[], delivered: readonly Delivered[], period: Period): number[] {
  const arrivedAt = new Map(firstDeliveries(delivered).map(({ n, time }) => [n, time]));
  return accepted
    .filter(({ sent }) => sent >= period.from && sent < period.to)
    .flatMap(({ n, sent }) => {
      const time = arrivedAt.get(n);
      return time === undefined ? [] : [time - sent];
    });
}
