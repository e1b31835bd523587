import type { FaultableBroker } from '@gatecast/shared/testing';

/** Counters of a gateway's measurements that the broker took over, in order, repeats included. */
export function deliveredCounters(broker: FaultableBroker, gatewayId: string): number[] {
  return broker.messages
    .filter(({ topic }) => topic.startsWith(`Aranet/${gatewayId}/sensors/`))
    .map(({ payload }) => Number(payload));
}

/** The same without repeats: each at the place where it came first. */
export function firstSeen(counters: readonly number[]): number[] {
  return [...new Set(counters)];
}

export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index + 1);
}

/** What is wrong with counters that should be 1 … `last`, each once, in order: short enough to be read. */
export function flawsOf(counters: readonly number[], last: number) {
  const seen = new Set(counters);
  return {
    missing: upTo(last).filter((counter) => !seen.has(counter)),
    repeated: counters.filter((counter, index) => counters.indexOf(counter) !== index),
    outOfOrder: counters.filter((counter, index) => index > 0 && counter < (counters[index - 1] ?? 0)),
  };
}

export const FLAWLESS = { missing: [], repeated: [], outOfOrder: [] };
