import type { Clock } from '@gatecast/shared/lifecycle';
import type { GatewayRecord } from '@gatecast/shared/model';
import type { KeyValueStore, KeyValueView, KvChange } from '@gatecast/shared/nats';
import { LRUCache } from 'lru-cache';
import type { GatewayDirectory } from '../../domain/gateway-directory.ts';
import { TokenBucket } from '../../domain/token-bucket.ts';
import type { IngestMetrics } from '../metrics/ingest-metrics.ts';

/** An answer of the store serves everybody who asks for the same gateway within so long. */
const REMEMBER_MS = 1_000;
const REMEMBERED_ANSWERS = 10_000;

export interface KvGatewayDirectoryOptions {
  view: KeyValueView<GatewayRecord>;
  store: Pick<KeyValueStore<GatewayRecord>, 'get'>;
  /** How often the store may be asked. */
  lookupsPerSecond: number;
  metrics: IngestMetrics;
  clock: Clock;
}

interface Answer {
  readonly askedAt: number;
  readonly record: Promise<GatewayRecord | undefined>;
}

/** The bucket `integrations`, by its view; the store behind it is asked only about what the view does not have. */
export class KvGatewayDirectory implements GatewayDirectory {
  readonly #options: KvGatewayDirectoryOptions;
  /** Found by a hash of what was presented: how long that takes tells nothing about tokens. */
  readonly #ownerByHash = new Map<string, string>();
  readonly #answers = new LRUCache<string, Answer>({ max: REMEMBERED_ANSWERS });
  readonly #lookups: TokenBucket;
  readonly #unsubscribe: () => void;

  constructor(options: KvGatewayDirectoryOptions) {
    const { view, lookupsPerSecond, clock } = options;
    this.#options = options;
    this.#lookups = new TokenBucket({ capacity: lookupsPerSecond, perSecond: lookupsPerSecond }, clock.monotonic());
    for (const [gatewayId, { value }] of view.entries()) this.#ownerByHash.set(value.ingestTokenHash, gatewayId);
    this.#unsubscribe = view.onChange((change) => this.#follow(change));
  }

  stop(): void {
    this.#unsubscribe();
  }

  lookup(gatewayId: string): GatewayRecord | undefined {
    return this.#options.view.get(gatewayId)?.value;
  }

  ownerOfToken(tokenHash: string): string | undefined {
    return this.#ownerByHash.get(tokenHash);
  }

  async lookupAtSource(gatewayId: string): Promise<GatewayRecord | undefined> {
    const { store, clock, metrics } = this.#options;
    const now = clock.monotonic();
    const remembered = this.#answers.get(gatewayId);
    if (remembered && now - remembered.askedAt < REMEMBER_MS) {
      metrics.tokenLookups.inc({ result: 'remembered' });
      return await remembered.record;
    }
    if (!this.#lookups.tryTake(1, now)) {
      metrics.tokenLookups.inc({ result: 'skipped' });
      return undefined;
    }
    metrics.tokenLookups.inc({ result: 'asked' });
    const record = store.get(gatewayId).then((found) => found?.value);
    this.#answers.set(gatewayId, { askedAt: now, record });
    return await record.catch((error: unknown) => {
      this.#answers.delete(gatewayId);
      throw error;
    });
  }

  #follow({ key, current, previous }: KvChange<GatewayRecord>): void {
    const [before, after] = [previous?.value.ingestTokenHash, current?.value.ingestTokenHash];
    if (before !== undefined && before !== after && this.#ownerByHash.get(before) === key) {
      this.#ownerByHash.delete(before);
    }
    if (after !== undefined) this.#ownerByHash.set(after, key);
  }
}
