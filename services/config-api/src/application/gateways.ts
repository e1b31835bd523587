import { isGatecastError } from '@gatecast/shared/errors';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { FleetRecord, GatewayRecord, SensorsRecord, WorkspaceRecord } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import { hashToken } from '../domain/access/api-key.ts';
import { initialIntegration } from '../domain/integration/change.ts';
import { type Page, type PageRequest, pageOf } from '../domain/paging.ts';
import { invalid, missing, moveInProgress, Refusal } from '../domain/refusal.ts';
import type { Precondition } from '../domain/revision.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import type { KeyedLock } from './keyed-lock.ts';
import type { MoveProgress } from './move-progress.ts';
import type { Announcer, Randomness } from './ports.ts';
import type { Records } from './records.ts';

export interface GatewaysOptions {
  gateways: Records<GatewayRecord>;
  workspaces: Records<WorkspaceRecord>;
  fleets: Records<FleetRecord>;
  sensors: Records<SensorsRecord>;
  moves: Pick<MoveProgress, 'isComplete'>;
  /** By fleet: nothing is moved into a fleet while it is deleted. */
  fleetLock: KeyedLock;
  announcer: Announcer;
  randomness: Randomness;
  clock: Clock;
  log: Logger;
}

export interface NewGateway {
  gatewayId: string;
  fleet: string;
  name?: string | undefined;
}

export interface GatewayChange {
  /** null removes it */
  name?: string | null | undefined;
  fleet?: string | undefined;
}

/** A gateway together with the token that it sends its readings with; nobody can read that token again. */
export interface GatewayWithToken extends Revisioned<GatewayRecord> {
  ingestToken: string;
}

/** The registrations of gateways. Ids are unique in the whole deployment. */
export class Gateways {
  readonly #options: GatewaysOptions;

  constructor(options: GatewaysOptions) {
    this.#options = options;
  }

  /** From memory. @throws {Refusal} `not_found`, also for another workspace's */
  get(workspace: string, gatewayId: string): Revisioned<GatewayRecord> {
    return ofWorkspace(workspace, this.#options.gateways.get(gatewayId));
  }

  /** From memory. `pick` turns a gateway into an item of the page, or leaves it out. @throws {Refusal} `not_found` */
  list<T>(workspace: string, page: PageRequest, pick: (record: GatewayRecord) => T | undefined): Page<T> {
    const { gateways, workspaces } = this.#options;
    if (!workspaces.get(workspace)) throw missing('workspace');
    const ids: string[] = [];
    for (const [id, { value }] of gateways.entries()) if (value.workspace === workspace) ids.push(id);
    return pageOf(ids, page, (id) => {
      const found = gateways.get(id);
      return found && pick(found.value);
    });
  }

  /** @throws {Refusal} `not_found` (workspace), `validation_failed` (fleet), `gateway_exists` */
  async create(workspace: string, { gatewayId, fleet, name }: NewGateway): Promise<GatewayWithToken> {
    const { gateways, randomness, clock } = this.#options;
    await this.#requireHome(workspace, fleet);
    const ingestToken = randomness.token();
    const value: GatewayRecord = withoutUndefined({
      gatewayId,
      workspace,
      fleet,
      incarnation: randomness.id(),
      name,
      createdAt: new Date(clock.now()).toISOString(),
      ingestTokenHash: hashToken(ingestToken),
      mqtt: initialIntegration(),
    });
    const revision = await gateways.create(gatewayId, value).catch((error: unknown) => {
      if (!isGatecastError(error, 'REVISION_CONFLICT')) throw error;
      // The same words whoever has it: other workspaces' gateways are nobody's business.
      throw new Refusal('conflict', 'gateway_exists', 'A gateway with this id is registered already', { cause: error });
    });
    try {
      // Its fleet or workspace may have been deleted between the first look and the write.
      await this.#requireHome(workspace, fleet);
    } catch (error) {
      if (error instanceof Refusal) await gateways.delete(gatewayId, revision);
      throw error;
    }
    return { value, revision, ingestToken };
  }

  /**
   * Another fleet is where the gateway is from now on; encoder and publishers bring it there. The same fleet once more
   * reminds them.
   * @throws {Refusal} `not_found`, `validation_failed` (fleet), `move_in_progress`, `stale_revision`
   */
  async update(
    workspace: string,
    gatewayId: string,
    change: GatewayChange,
    precondition: Precondition | undefined,
  ): Promise<Revisioned<GatewayRecord>> {
    const { fleetLock } = this.#options;
    const update = () => this.#update(workspace, gatewayId, change, precondition);
    return await (change.fleet === undefined ? update() : fleetLock.run(change.fleet, update));
  }

  async #update(
    workspace: string,
    gatewayId: string,
    { name, fleet }: GatewayChange,
    precondition: Precondition | undefined,
  ): Promise<Revisioned<GatewayRecord>> {
    const { gateways, fleets, announcer, moves } = this.#options;
    const hasFleet = fleet === undefined || (await fleets.latest(fleet)) !== undefined;
    let renamed = false;
    const changed = await gateways.change(gatewayId, precondition, (current) => {
      const { value } = ofWorkspace(workspace, current);
      renamed = name !== undefined && (name ?? undefined) !== value.name;
      const next = renamed ? withoutUndefined({ ...value, name: name ?? undefined }) : value;
      if (fleet === undefined || fleet === value.fleet) return next;
      if (!hasFleet) throw noSuchFleet();
      if (!moves.isComplete(value)) throw moveInProgress('The gateway is still on its way from another fleet');
      return { ...next, fleet, movedFrom: value.fleet, moves: (value.moves ?? 0) + 1 };
    });
    // The encoder ends the old line when it next hears of the gateway: a disabled one may never send.
    if (fleet !== undefined && !moves.isComplete(changed.value)) await announcer.announce(changed.value, 'always');
    else if (renamed) await announcer.announce(changed.value);
    return changed;
  }

  /** A new token; the old one is refused from now on. @throws {Refusal} `not_found` */
  async rotateIngestToken(workspace: string, gatewayId: string): Promise<GatewayWithToken> {
    const ingestToken = this.#options.randomness.token();
    const changed = await this.#options.gateways.change(gatewayId, undefined, (current) => ({
      ...ofWorkspace(workspace, current).value,
      ingestTokenHash: hashToken(ingestToken),
    }));
    return { ...changed, ingestToken };
  }

  /**
   * Ends a registration. What is still under way for it carries its incarnation and is dropped by whoever meets it.
   * @throws {Refusal} `not_found`, `stale_revision`
   */
  async delete(workspace: string, gatewayId: string, precondition: Precondition | undefined): Promise<void> {
    const deleted = await this.#options.gateways.remove(gatewayId, precondition, (current) => {
      ofWorkspace(workspace, current);
    });
    await this.#forgetSensors(deleted);
  }

  /** What is known of its sensors belongs to its incarnation and counts as empty anyway: this only tidies up. */
  async #forgetSensors({ gatewayId, incarnation }: GatewayRecord): Promise<void> {
    const { sensors, log } = this.#options;
    try {
      const record = await sensors.latest(gatewayId);
      if (record?.value.incarnation === incarnation) await sensors.delete(gatewayId, record.revision);
    } catch (error) {
      log.warn({ err: error, gatewayId }, 'could not remove the sensors of a deleted gateway');
    }
  }

  async #requireHome(workspace: string, fleet: string): Promise<void> {
    const { workspaces, fleets } = this.#options;
    if (!(await workspaces.latest(workspace))) throw missing('workspace');
    if (!(await fleets.latest(fleet))) throw noSuchFleet();
  }
}

function noSuchFleet(): Refusal {
  return invalid([{ pointer: '/fleet', message: 'there is no such fleet' }]);
}

/** @throws {Refusal} `not_found` when it is not there, or another workspace's */
export function ofWorkspace(
  workspace: string,
  found: Revisioned<GatewayRecord> | undefined,
): Revisioned<GatewayRecord> {
  if (found?.value.workspace !== workspace) throw missing('gateway');
  return found;
}
