import {
  type EncoderCheckpoint,
  type GatewayRecord,
  hasArrived,
  type PublisherCheckpoint,
  partitionOf,
} from '@gatecast/shared/model';
import { ALL_FLEETS, type KeyValueStore, keys } from '@gatecast/shared/nats';
import type { LineName } from '../../domain/place.ts';
import type { IntegrationDirectory } from './integration-directory.ts';

export interface SettledRecordsOptions {
  fleet: string;
  partitions: number;
  checkpoints: Pick<KeyValueStore<PublisherCheckpoint>, 'get'>;
  encoderCheckpoints: Pick<KeyValueStore<EncoderCheckpoint>, 'get'>;
  directory: Pick<IntegrationDirectory, 'known' | 'fetch'>;
}

/** What the records of all partitions of a fleet say is settled, whoever owns them: read once, at one moment. */
export class SettledRecords {
  readonly #options: SettledRecordsOptions;
  readonly #records: (PublisherCheckpoint | undefined)[];
  /** Registrations, where the copy in memory was not enough. */
  readonly #asked = new Map<string, GatewayRecord | undefined>();
  /** Whether gateways that have left were taken over, by name of the line that they had here. */
  readonly #taken = new Map<string, boolean>();

  private constructor(options: SettledRecordsOptions, records: (PublisherCheckpoint | undefined)[]) {
    this.#options = options;
    this.#records = records;
  }

  static async read(options: SettledRecordsOptions): Promise<SettledRecords> {
    const { fleet, partitions, checkpoints } = options;
    const records = Array.from({ length: partitions }, async (_, partition) => {
      const record = await checkpoints.get(keys.checkpoint('publisher', fleet, partition));
      return record?.value;
    });
    return new SettledRecords(options, await Promise.all(records));
  }

  of(partition: number): PublisherCheckpoint | undefined {
    return this.#records[partition];
  }

  /**
   * Whether nobody needs what `gatewayId` has in this fleet, up to counter `last`, of the line of this incarnation and
   * number of moves. What is being copied for a gateway that comes is needed before the record says anything of it; what
   * one that was given away has left, until the record of its next fleet says that it is there.
   */
  async isSettled(gatewayId: string, { incarnation, moves = 0 }: LineName, last: number): Promise<boolean> {
    const entry = this.#records[partitionOf(gatewayId, this.#options.partitions)]?.gateways[gatewayId];
    if (entry?.i === incarnation && (entry.g ?? 0) === moves && entry.s >= last) return true;
    if (await this.#isGone(gatewayId, incarnation)) return true;
    return await this.#isTakenOver(gatewayId, incarnation, moves);
  }

  /**
   * Whether the encoder has recorded everything of a partition that is settled: otherwise its crash would encode that
   * again. To be asked a while after the records were read.
   */
  async isRecordedByEncoder(partition: number): Promise<boolean> {
    const settled = this.#records[partition];
    if (!settled) return true;
    const key = keys.checkpoint('encoder', ALL_FLEETS, partition);
    const encoded = (await this.#options.encoderCheckpoints.get(key))?.value.gateways ?? {};
    for (const [gatewayId, { i, s, h, g = 0, m }] of Object.entries(settled.gateways)) {
      const position = encoded[gatewayId];
      // The end of a line tells the next encoder that it ended, until it is recorded.
      const line = m === undefined ? g : g + 1;
      if (position?.i === i && position.c >= Math.max(s, h ?? 0) && (position.g ?? 0) >= line) continue;
      if (!(await this.#isGone(gatewayId, i))) return false;
    }
    return true;
  }

  async #isGone(gatewayId: string, incarnation: string): Promise<boolean> {
    const { directory } = this.#options;
    if (directory.known(gatewayId)?.value.incarnation === incarnation) return false;
    return (await this.#ask(gatewayId))?.incarnation !== incarnation;
  }

  /** Whether the line that a gateway had here is over, and the fleet after this one has recorded that it goes on there. */
  async #isTakenOver(gatewayId: string, incarnation: string, moves: number): Promise<boolean> {
    const { directory, checkpoints, partitions } = this.#options;
    // The copy in memory may be behind: then it knows of fewer moves, and more is kept.
    const gateway = directory.known(gatewayId)?.value ?? (await this.#ask(gatewayId));
    if (gateway?.incarnation !== incarnation) return false;
    const { moves: present = 0 } = gateway;
    // A move begins only when the one before is complete.
    if (present !== moves + 1) return present > moves + 1;
    const line = `${incarnation}.${moves}`;
    if (!this.#taken.has(line)) {
      const key = keys.checkpoint('publisher', gateway.fleet, partitionOf(gatewayId, partitions));
      this.#taken.set(line, hasArrived((await checkpoints.get(key))?.value, gateway));
    }
    return this.#taken.get(line) === true;
  }

  /** The copy in memory may be behind, and a wrong guess would cost messages. */
  async #ask(gatewayId: string): Promise<GatewayRecord | undefined> {
    if (!this.#asked.has(gatewayId)) {
      this.#asked.set(gatewayId, (await this.#options.directory.fetch(gatewayId))?.value);
    }
    return this.#asked.get(gatewayId);
  }
}
