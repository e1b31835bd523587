import { type EncoderCheckpoint, type PublisherCheckpoint, partitionOf } from '@gatecast/shared/model';
import { ALL_FLEETS, type KeyValueStore, keys } from '@gatecast/shared/nats';
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
  /** Incarnation that a gateway has now, where the copy in memory was not enough. */
  readonly #asked = new Map<string, string | undefined>();

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

  /** Whether every message of `gatewayId` up to counter `last` is settled, or its registration is gone. */
  async isSettled(gatewayId: string, incarnation: string, last: number): Promise<boolean> {
    const record = this.#records[partitionOf(gatewayId, this.#options.partitions)]?.gateways[gatewayId];
    if (record?.i === incarnation && record.s >= last) return true;
    return await this.#isGone(gatewayId, incarnation);
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
    for (const [gatewayId, { i, s, h }] of Object.entries(settled.gateways)) {
      const position = encoded[gatewayId];
      if (position?.i === i && position.c >= Math.max(s, h ?? 0)) continue;
      if (!(await this.#isGone(gatewayId, i))) return false;
    }
    return true;
  }

  async #isGone(gatewayId: string, incarnation: string): Promise<boolean> {
    const { directory } = this.#options;
    if (directory.known(gatewayId)?.value.incarnation === incarnation) return false;
    // The copy in memory may be behind, and a wrong guess would cost messages.
    if (!this.#asked.has(gatewayId)) {
      this.#asked.set(gatewayId, (await directory.fetch(gatewayId))?.value.incarnation);
    }
    return this.#asked.get(gatewayId) !== incarnation;
  }
}
