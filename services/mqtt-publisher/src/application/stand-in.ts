import type { Logger } from '@gatecast/shared/logging';
import { type GatewayCheckpoint, type GatewayRecord, ownEntry, type PublisherCheckpoint } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { VacantLeases } from '@gatecast/shared/ownership';
import { isSameLine } from '../domain/place.ts';
import type { FormerFleet } from './ports.ts';
import { putInto } from './transfer.ts';

export interface StandInOptions {
  readonly partition: number;
  readonly leases: Pick<VacantLeases, 'isVacant' | 'take'>;
  readonly log: Logger;
}

/** Does for a gateway what the owner in its former fleet would do, when that fleet has none, and under that one's lease. */
export class StandIn {
  readonly #options: StandInOptions;

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
    const { partition, leases, log } = this.#options;
    if (!(await leases.isVacant(fleetName, partition))) return undefined;
    if (!(await hasEnded(gateway, fleet, partition)) || !mayAct()) return undefined;
    const lease = await leases.take(fleetName, partition);
    if (!lease) return undefined;
    const { epoch } = lease;
    log.info({ gatewayId: gateway.gatewayId, fleet: fleetName, epoch }, 'standing in for a fleet without a publisher');
    try {
      // What takes longer than the lease goes on in the next attempt.
      return await giveAwayUnder(epoch, gateway, fleet, partition, () => mayAct() && lease.isValid());
    } finally {
      await lease.giveUp();
    }
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
