import { isGatecastError } from '@gatecast/shared/errors';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import { type GatewayCheckpoint, type GatewayRecord, ownEntry, type PublisherCheckpoint } from '@gatecast/shared/model';
import type { KeyValueStore, Revisioned } from '@gatecast/shared/nats';
import { type LeaseRecord, leaseKeyOf } from '@gatecast/shared/ownership';
import { isSameLine } from '../domain/place.ts';
import type { FormerFleet } from './ports.ts';
import { putInto } from './transfer.ts';

export interface StandInOptions {
  readonly partition: number;
  /** Names of this process in the lease that it takes. */
  readonly instance: string;
  readonly nonce: string;
  readonly leases: Pick<KeyValueStore<LeaseRecord>, 'get' | 'create' | 'delete'>;
  /** TTL of a lease, ms. */
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Does for a gateway what the owner in its former fleet would do, when that fleet has none: under the very lease of that
 * owner, so that nobody else acts at the same time, a later owner finds a record of a lower epoch, and one that was
 * paused finds a higher one and lets go.
 */
export class StandIn {
  readonly #options: StandInOptions;
  /** Since when the fleets' leases were found missing, monotonic. */
  readonly #vacantSince = new Map<string, number>();

  constructor(options: StandInOptions) {
    this.#options = options;
  }

  /**
   * Gives `gateway` away in the name of its former fleet. Undefined: that fleet has an owner, or has had one within a
   * TTL; or the encoder has not ended the line yet. May be repeated: what was done of it stays done.
   * @throws {GatecastError} when NATS does not answer, or a waiting room is full
   */
  async giveAway(
    gateway: GatewayRecord,
    fleetName: string,
    fleet: FormerFleet,
    mayAct: () => boolean,
  ): Promise<GatewayCheckpoint | undefined> {
    const { partition, leases, clock, ttlMs, instance, nonce, log } = this.#options;
    const key = leaseKeyOf('publisher', fleetName, partition);
    if (!(await this.#isVacant(key)) || !(await hasEnded(gateway, fleet, partition)) || !mayAct()) return undefined;
    const asked = clock.monotonic();
    const epoch = await leases
      .create(key, { instance, nonce, renewedAt: new Date(clock.now()).toISOString() })
      .catch((error: unknown) => {
        if (isGatecastError(error, 'REVISION_CONFLICT')) return undefined;
        throw error;
      });
    if (epoch === undefined) return undefined;
    log.info({ gatewayId: gateway.gatewayId, fleet: fleetName, epoch }, 'standing in for a fleet without a publisher');
    try {
      // What takes longer than the lease goes on in the next attempt.
      const isValid = () => mayAct() && clock.monotonic() < asked + ttlMs;
      return await giveAwayUnder(epoch, gateway, fleet, partition, isValid);
    } finally {
      await leases.delete(key, epoch).catch((error) => log.warn({ err: error }, 'a lease is left to expire'));
    }
  }

  async #isVacant(key: string): Promise<boolean> {
    const { leases, clock, ttlMs } = this.#options;
    if (await leases.get(key)) {
      this.#vacantSince.delete(key);
      return false;
    }
    const since = this.#vacantSince.get(key) ?? clock.monotonic();
    this.#vacantSince.set(key, since);
    return clock.monotonic() - since >= ttlMs;
  }
}

async function giveAwayUnder(
  epoch: number,
  gateway: GatewayRecord,
  fleet: FormerFleet,
  partition: number,
  isValid: () => boolean,
): Promise<GatewayCheckpoint | undefined> {
  const { gatewayId, incarnation, moves = 0 } = gateway;
  const claimed = await claim(epoch, fleet, partition);
  if (!claimed || !isValid()) return undefined;
  const before = ownEntry(claimed.value, gateway) ?? { i: incarnation, s: 0 };
  if (before.m !== undefined) return before;
  const line = { incarnation, moves: moves - 1 };
  const rest = fleet.line.read(partition, gatewayId, claimed.value.seq + 1);
  const transfer = { gatewayId, of: line, as: line, settled: before.s, mayAct: isValid };
  const end = await putInto(fleet.backlog, rest, transfer);
  if (!end || !isValid()) return undefined;
  const handled = Math.max(before.h ?? 0, end.last);
  const entry = { ...before, ...(handled > before.s ? { h: handled } : {}), m: gateway.fleet };
  const value = { ...claimed.value, gateways: { ...claimed.value.gateways, [gatewayId]: entry } };
  await fleet.checkpoints.write(partition, value, claimed.revision);
  return entry;
}

/** The record with `epoch` in it; undefined when a later owner has written it. @throws {GatecastError} */
async function claim(
  epoch: number,
  { checkpoints }: FormerFleet,
  partition: number,
): Promise<Revisioned<PublisherCheckpoint> | undefined> {
  const found = await checkpoints.read(partition);
  if (found && found.value.epoch > epoch) return undefined;
  const value = { ...(found?.value ?? { seq: 0, gateways: {} }), epoch };
  return { value, revision: await checkpoints.write(partition, value, found?.revision) };
}

/** Whether nothing more comes into the gateway's former line. @throws {GatecastError} */
async function hasEnded(gateway: GatewayRecord, fleet: FormerFleet, partition: number): Promise<boolean> {
  const { gatewayId, incarnation, moves = 0 } = gateway;
  const end = await fleet.line.end(partition, gatewayId);
  return end?.movedTo !== undefined && isSameLine(end, { incarnation, moves: moves - 1 });
}
