import type { Clock } from '@gatecast/shared/lifecycle';
import { ALL_PARTS, type EncoderCheckpoint, partitionOf } from '@gatecast/shared/model';

export interface LineLagOptions {
  /** Age of a gateway's oldest batch that is not encoded, ms, from which on the gateway is behind. */
  maxGatewayLagMs: number;
  /** The same, from which on a gateway counts towards its fleet's line being behind. */
  maxLineLagMs: number;
  partitions: number;
  clock: Clock;
}

export interface AcceptedBatch {
  gatewayId: string;
  fleet: string;
  /** READINGS sequence. */
  sequence: number;
}

/** Whose batches wait too long: nobody else is refused for it. */
export type Lag = 'none' | 'gateway' | 'line';

/** Batches that were accepted one after the other, and are looked at as one. */
interface Group {
  /** When the first one was accepted, monotonic ms. */
  readonly since: number;
  /** Sequence of the last one. */
  last: number;
}

interface Gateway {
  fleet: string;
  heardAt: number;
  lag: Lag;
  /** What may not be encoded yet, oldest first. */
  groups: Group[];
}

/** A gateway's lag is known to this part of its limit; it has so many groups at most. */
const GROUPS_PER_LIMIT = 20;
/** The longest interval at which gateways measure: who was not heard for longer says nothing about its fleet. */
const HEARD_WITHIN_MS = 600_000;
/** Part of a fleet's gateways that have to be behind for the whole line to be. */
const MOST = 0.5;

/**
 * What this process has accepted and the encoder has not recorded as encoded, by gateway. Verdicts change only when the
 * encoder's record was looked at: while nobody can look, nobody falls behind. After a restart nothing is known, and
 * everything is admitted.
 */
export class LineLag {
  readonly #options: LineLagOptions;
  readonly #partitions = new Map<number, Map<string, Gateway>>();
  readonly #linesBehind = new Set<string>();

  constructor(options: LineLagOptions) {
    this.#options = options;
  }

  /** `line`: that of the whole fleet; what one gateway has caused is `gateway`. */
  lagOf({ gatewayId, fleet }: Pick<AcceptedBatch, 'gatewayId' | 'fleet'>): Lag {
    if (this.#linesBehind.has(fleet)) return 'line';
    const gateway = this.#partitions.get(this.#partitionOf(gatewayId))?.get(gatewayId);
    return gateway === undefined || gateway.lag === 'none' ? 'none' : 'gateway';
  }

  accepted({ gatewayId, fleet, sequence }: AcceptedBatch): void {
    const now = this.#options.clock.monotonic();
    const partition = this.#partitionOf(gatewayId);
    let gateways = this.#partitions.get(partition);
    if (!gateways) {
      gateways = new Map();
      this.#partitions.set(partition, gateways);
    }
    let gateway = gateways.get(gatewayId);
    if (!gateway) {
      gateway = { fleet, heardAt: now, lag: 'none', groups: [] };
      gateways.set(gatewayId, gateway);
    }
    gateway.fleet = fleet;
    gateway.heardAt = now;
    const group = gateway.groups.at(-1);
    const grain = this.#options.maxGatewayLagMs / GROUPS_PER_LIMIT;
    if (!group || now - group.since >= grain) gateway.groups.push({ since: now, last: sequence });
    // Answers of one gateway's requests may come in another order.
    else group.last = Math.max(group.last, sequence);
  }

  /** Partitions with something that may not be encoded yet: the records to look at. */
  waitingPartitions(): number[] {
    return [...this.#partitions].flatMap(([partition, gateways]) =>
      gateways.values().some(({ groups }) => groups.length > 0) ? [partition] : [],
    );
  }

  /** Takes what the encoder has recorded of a partition; undefined: nothing yet. */
  recorded(partition: number, record: Pick<EncoderCheckpoint, 'seq' | 'gateways'> | undefined): void {
    const { maxGatewayLagMs, maxLineLagMs, clock } = this.#options;
    const now = clock.monotonic();
    for (const [gatewayId, gateway] of this.#partitions.get(partition) ?? []) {
      const position = record?.gateways[gatewayId];
      const own = position ? (position.p === ALL_PARTS ? position.s : position.s - 1) : 0;
      const encoded = Math.max(record?.seq ?? 0, own);
      const waiting = gateway.groups.findIndex(({ last }) => last > encoded);
      gateway.groups.splice(0, waiting < 0 ? gateway.groups.length : waiting);
      const age = ageOf(gateway, now);
      gateway.lag = age > maxLineLagMs ? 'line' : age > maxGatewayLagMs ? 'gateway' : 'none';
    }
  }

  /**
   * Judges the lines of the fleets anew, after the records were looked at. A line is behind when most of its gateways
   * that were heard lately are. Returns the fleets whose verdict has changed.
   */
  judgeLines(): { fleet: string; isBehind: boolean }[] {
    const counts = this.#countFleets();
    const changed: { fleet: string; isBehind: boolean }[] = [];
    for (const fleet of new Set([...counts.keys(), ...this.#linesBehind])) {
      const { heard = 0, behind = 0 } = counts.get(fleet) ?? {};
      const isBehind = behind > heard * MOST;
      if (isBehind === this.#linesBehind.has(fleet)) continue;
      if (isBehind) this.#linesBehind.add(fleet);
      else this.#linesBehind.delete(fleet);
      changed.push({ fleet, isBehind });
    }
    return changed;
  }

  /** Gateways that are behind, whatever their line is. */
  get gatewaysBehind(): number {
    let count = 0;
    for (const gateway of this.#gateways()) if (gateway.lag !== 'none') count += 1;
    return count;
  }

  /** Age of the oldest accepted batch that may not be encoded yet, ms; 0 when there is none. */
  get oldestAgeMs(): number {
    const now = this.#options.clock.monotonic();
    let oldest = 0;
    for (const gateway of this.#gateways()) oldest = Math.max(oldest, ageOf(gateway, now));
    return oldest;
  }

  /** Forgets gateways with nothing outstanding that were not heard for long, as it goes. */
  #countFleets(): Map<string, { heard: number; behind: number }> {
    const now = this.#options.clock.monotonic();
    const counts = new Map<string, { heard: number; behind: number }>();
    for (const gateways of this.#partitions.values()) {
      for (const [gatewayId, { fleet, heardAt, lag, groups }] of gateways) {
        if (groups.length === 0 && now - heardAt > HEARD_WITHIN_MS) {
          gateways.delete(gatewayId);
          continue;
        }
        const count = counts.get(fleet) ?? { heard: 0, behind: 0 };
        count.heard += 1;
        if (lag === 'line') count.behind += 1;
        counts.set(fleet, count);
      }
    }
    return counts;
  }

  #partitionOf(gatewayId: string): number {
    return partitionOf(gatewayId, this.#options.partitions);
  }

  *#gateways(): Iterable<Gateway> {
    for (const gateways of this.#partitions.values()) yield* gateways.values();
  }
}

function ageOf({ groups }: Gateway, now: number): number {
  const oldest = groups[0];
  return oldest ? now - oldest.since : 0;
}
