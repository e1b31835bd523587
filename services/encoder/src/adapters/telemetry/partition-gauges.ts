import type { Clock } from '@gatecast/shared/lifecycle';
import { Gauge, type Registry } from '@prometheus-io/client';
import type { PartitionState } from '../../application/partition.ts';
import type { Partitions } from '../../application/partitions.ts';

const SHOWN_STATES = ['claiming', 'replaying', 'live', 'stale'] as const satisfies readonly PartitionState[];

/** What is true of the owned partitions at the moment of a scrape. */
export function registerPartitionGauges(registry: Registry, partitions: Partitions, clock: Clock): void {
  new Gauge({
    name: 'gatecast_encoder_lag_seconds',
    help: 'Age of the oldest accepted batch that is read and not encoded yet; 0 when there is none.',
    registers: [registry],
    collect() {
      this.set(lagMs(partitions, clock.now()) / 1000);
    },
  });
  new Gauge({
    name: 'gatecast_encoder_partitions',
    help: 'Partitions held by this process, by state.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const state of SHOWN_STATES) this.set({ state }, partitions.count(state));
    },
  });
}

function lagMs(partitions: Partitions, now: number): number {
  let lag = 0;
  for (const { oldestAcceptedAt } of partitions) {
    if (oldestAcceptedAt !== undefined) lag = Math.max(lag, now - oldestAcceptedAt);
  }
  return lag;
}
