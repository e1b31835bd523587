import { isGatecastError } from '@gatecast/shared/errors';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { FleetRecord, GatewayRecord } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import { type Page, type PageRequest, pageOf } from '../domain/paging.ts';
import { missing, moveInProgress, Refusal } from '../domain/refusal.ts';
import type { Precondition } from '../domain/revision.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import type { KeyedLock } from './keyed-lock.ts';
import type { MoveProgress } from './move-progress.ts';
import type { FleetStreams } from './ports.ts';
import type { Records } from './records.ts';

export interface FleetsOptions {
  fleets: Records<FleetRecord>;
  gateways: Records<GatewayRecord>;
  streams: FleetStreams;
  moves: Pick<MoveProgress, 'isComplete'>;
  /** By fleet: nothing is moved into a fleet while it is deleted. */
  fleetLock: KeyedLock;
  /** Fleets that have publishers, as the deployment says. Default: it says nothing. */
  declared?: readonly string[];
  clock: Clock;
}

/** Sets of gateways, each served by a publisher workload of its own. */
export class Fleets {
  readonly #options: FleetsOptions;

  constructor(options: FleetsOptions) {
    this.#options = options;
  }

  /** Whether the deployment has publishers for it; undefined when it does not say. */
  isDeclared(fleet: string): boolean | undefined {
    const { declared = [] } = this.#options;
    return declared.length === 0 ? undefined : declared.includes(fleet);
  }

  /** Fleets that the deployment has no publishers for any more, each with the number of its gateways. */
  undeclared(): { fleet: string; gateways: number }[] {
    const { fleets, gateways } = this.#options;
    const left = [...fleets.entries()].map(([fleet]) => fleet).filter((fleet) => this.isDeclared(fleet) === false);
    const counts = new Map(left.map((fleet) => [fleet, 0]));
    for (const [, { value }] of gateways.entries()) {
      const count = counts.get(value.fleet);
      if (count !== undefined) counts.set(value.fleet, count + 1);
    }
    return [...counts].map(([fleet, count]) => ({ fleet, gateways: count }));
  }

  list(page: PageRequest): Page<FleetRecord> {
    const { fleets } = this.#options;
    const ids = [...fleets.entries()].map(([id]) => id);
    return pageOf(ids, page, (id) => fleets.get(id)?.value);
  }

  /** @throws {Refusal} `not_found` */
  get(fleet: string): Revisioned<FleetRecord> {
    const found = this.#options.fleets.get(fleet);
    if (!found) throw missing('fleet');
    return found;
  }

  /**
   * The streams first, then the record: a fleet that can be seen can be used, and what an interruption leaves behind is
   * adopted by the next try.
   * @throws {Refusal} `fleet_exists`
   */
  async create(fleet: string, description: string | undefined): Promise<Revisioned<FleetRecord>> {
    const { fleets, streams, clock } = this.#options;
    if (await fleets.latest(fleet)) throw fleetExists();
    await streams.ensure(fleet);
    const value = withoutUndefined({ fleet, description, createdAt: new Date(clock.now()).toISOString() });
    try {
      return { value, revision: await fleets.create(fleet, value) };
    } catch (error) {
      if (!isGatecastError(error, 'REVISION_CONFLICT')) throw error;
      throw fleetExists(error);
    }
  }

  /** `description` null removes it. @throws {Refusal} `not_found`, `stale_revision` */
  describe(
    fleet: string,
    description: string | null | undefined,
    precondition: Precondition | undefined,
  ): Promise<Revisioned<FleetRecord>> {
    return this.#options.fleets.change(fleet, precondition, (current) => {
      if (!current) throw missing('fleet');
      if (description === undefined) return current.value;
      return withoutUndefined({ ...current.value, description: description ?? undefined });
    });
  }

  /**
   * Removes a fleet and its streams. The record goes first: a gateway that is registered meanwhile looks for it after
   * its own record is written, and steps back. What its streams still hold is nobody's: it was delivered, or taken along
   * by a gateway that has left, or its gateway is deleted.
   * @throws {Refusal} `not_found`, `fleet_declared`, `fleet_not_empty`, `move_in_progress`
   */
  async delete(fleet: string): Promise<void> {
    await this.#options.fleetLock.run(fleet, () => this.#delete(fleet));
  }

  async #delete(fleet: string): Promise<void> {
    const { fleets, streams } = this.#options;
    const current = await fleets.latest(fleet);
    if (!current) throw missing('fleet');
    if (this.isDeclared(fleet)) throw fleetDeclared();
    this.#requireEmpty(fleet);
    await fleets.delete(fleet, current.revision);
    await streams.remove(fleet);
  }

  /** Creates the streams that any fleet lacks, and applies changed limits. */
  async ensureStreams(): Promise<void> {
    for (const [fleet] of this.#options.fleets.entries()) await this.#options.streams.ensure(fleet);
  }

  /** Whether there is no fleet at all. */
  isEmpty(): boolean {
    return this.#options.fleets.entries().next().done === true;
  }

  #requireEmpty(fleet: string): void {
    const { gateways, moves } = this.#options;
    for (const [, { value }] of gateways.entries()) {
      if (value.fleet === fleet) throw new Refusal('conflict', 'fleet_not_empty', 'The fleet still has gateways');
      const isLeaving = value.movedFrom === fleet && !moves.isComplete(value);
      if (isLeaving) throw moveInProgress('Gateways are still on their way from this fleet to another');
    }
  }
}

function fleetDeclared(): Refusal {
  const detail =
    'Take it out of the deployment first: its publishers need its streams, and a start would create it again.';
  return new Refusal('conflict', 'fleet_declared', 'The deployment has publishers for this fleet', { detail });
}

function fleetExists(cause?: unknown): Refusal {
  return new Refusal('conflict', 'fleet_exists', 'There is a fleet of this name already', { cause });
}
