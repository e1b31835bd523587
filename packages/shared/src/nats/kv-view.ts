import { type ConsumerMessages, DeliverPolicy, type JsMsg, type PushConsumer } from '@nats-io/jetstream';
import { type Clock, delay } from '../lifecycle/index.ts';
import type { Logger } from '../logging/index.ts';
import type { Nats } from './connection.ts';
import { translateNatsError } from './errors.ts';
import type { Revisioned } from './kv-store.ts';
import type { Bucket } from './topology.ts';

export interface KvChange<T> {
  key: string;
  /** undefined: deleted, or expired. */
  current: Revisioned<T> | undefined;
  previous: Revisioned<T> | undefined;
  /** How it went, when there is no `current`. */
  gone?: Departure | undefined;
}

/** How a key went; `missed`: nobody saw it go, it is only no longer there. */
export type Departure = 'deleted' | 'expired' | 'missed';

export interface KvViewOptions {
  /** Follows only keys that begin with these tokens, such as `publisher.default`. */
  prefix?: string;
  /** Lists the bucket again so often, ms, in case that a change was not announced. Default: only after a reconnect. */
  relistMs?: number;
}

/** A read-only copy of a bucket in memory, kept up to date. */
export interface KeyValueView<T> {
  get(key: string): Revisioned<T> | undefined;
  entries(): IterableIterator<[string, Revisioned<T>]>;
  /**
   * Calls `listener` on changes after the first listing; returns how to stop that. The bucket keeps only the last record of a
   * key: of changes in quick succession all but the last may be skipped, and of a key that soon went again nothing may be told.
   */
  onChange(listener: (change: KvChange<T>) => void): () => void;
}

const RETRY_MS = 500;

/**
 * Follows a bucket by a watch. A watch is a hint: what expires or is compacted during a disconnect is never announced,
 * so the whole bucket is listed again after every reconnect, and what is no longer there is reported as deleted.
 */
export class KvView<T> implements KeyValueView<T> {
  readonly #nats: Nats;
  readonly #bucket: Bucket;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #options: KvViewOptions;
  readonly #entries = new Map<string, Revisioned<T>>();
  readonly #listeners = new Set<(change: KvChange<T>) => void>();
  readonly #stopped = new AbortController();
  #watch: ConsumerMessages | undefined;
  /** Counts listings: what belongs to a former one is ignored. */
  #generation = 0;
  #listing: Promise<void> = Promise.resolve();
  #isListing = false;
  #unsubscribe: () => void = () => {};

  private constructor(nats: Nats, bucket: Bucket, log: Logger, clock: Clock, options: KvViewOptions) {
    this.#nats = nats;
    this.#bucket = bucket;
    this.#log = log;
    this.#clock = clock;
    this.#options = options;
  }

  /** Resolves once everything that is in the bucket now is in the view. */
  static async open<T>(
    nats: Nats,
    bucket: Bucket,
    log: Logger,
    clock: Clock,
    options: KvViewOptions = {},
  ): Promise<KvView<T>> {
    const view = new KvView<T>(nats, bucket, log, clock, options);
    view.#unsubscribe = nats.onReconnect(() => view.#relist());
    view.#relist();
    // A reconnect meanwhile ends one listing and begins another.
    for (let awaited: Promise<void> | undefined; awaited !== view.#listing; await awaited) awaited = view.#listing;
    void view.#relistNowAndThen();
    return view;
  }

  get(key: string): Revisioned<T> | undefined {
    return this.#entries.get(key);
  }

  entries(): IterableIterator<[string, Revisioned<T>]> {
    return this.#entries.entries();
  }

  onChange(listener: (change: KvChange<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#stopped.abort();
    this.#unsubscribe();
    this.#replaceWatch(undefined);
  }

  #relist(): void {
    this.#generation += 1;
    this.#listing = this.#list(this.#generation);
  }

  async #relistNowAndThen(): Promise<void> {
    const { relistMs } = this.#options;
    while (relistMs !== undefined && !this.#stopped.signal.aborted) {
      await delay(relistMs, this.#clock, this.#stopped.signal);
      if (!this.#isListing && this.#nats.isConnected() && !this.#stopped.signal.aborted) this.#relist();
    }
  }

  #isCurrent(generation: number): boolean {
    return generation === this.#generation && !this.#stopped.signal.aborted;
  }

  /**
   * Starts a new watch and takes its listing as the truth; until it begins, the former watch tells what changes. Tries until
   * it succeeds or another listing begins.
   */
  async #list(generation: number): Promise<void> {
    while (this.#isCurrent(generation)) {
      this.#isListing = true;
      try {
        await this.#listAndWatch(generation);
        if (this.#isCurrent(generation)) this.#isListing = false;
        return;
      } catch (error) {
        if (!this.#isCurrent(generation)) return;
        const translated = translateNatsError(error, `listing ${this.#bucket}`);
        this.#log.warn({ err: translated, bucket: this.#bucket }, 'could not list the bucket, trying again');
        await delay(RETRY_MS, this.#clock, this.#stopped.signal);
      }
    }
  }

  async #listAndWatch(generation: number): Promise<void> {
    const { prefix } = this.#options;
    const consumer = await this.#nats.js.consumers.getPushConsumer(`KV_${this.#bucket}`, {
      filter_subjects: `$KV.${this.#bucket}.${prefix === undefined ? '' : `${prefix}.`}>`,
      deliver_policy: DeliverPolicy.LastPerSubject,
    });
    const { num_pending: pending } = await consumer.info(true);
    const listing = Promise.withResolvers<void>();
    const listed = new Set<string>();
    let isListing = true;
    // In the same callback as the last message of the listing: what comes after it is news, and no part of it.
    const endListing = () => {
      isListing = false;
      listing.resolve();
      for (const key of [...this.#entries.keys()]) if (!listed.has(key)) this.#set(key, undefined, 'missed');
    };
    const callback = (message: JsMsg) => {
      if (this.#watch !== watch) return;
      const key = message.subject.slice(`$KV.${this.#bucket}.`.length);
      this.#apply(key, message);
      if (!isListing) return;
      listed.add(key);
      if (message.info.pending === 0) endListing();
    };
    const watch = await consumer.consume({ callback });
    const closed = watch.closed();
    closed.then(() => this.#discard(consumer));
    if (!this.#isCurrent(generation)) return watch.stop();
    closed.then((error) => {
      if (isListing) listing.reject(error ?? new Error('the watch ended while listing'));
      else if (this.#watch === watch && this.#isCurrent(generation)) this.#restart(error);
    });
    this.#replaceWatch(watch);
    if (pending === 0) endListing();
    await listing.promise;
  }

  /** What the former watch still calls back does not count. */
  #replaceWatch(watch: ConsumerMessages | undefined): void {
    const former = this.#watch;
    this.#watch = watch;
    former?.stop();
  }

  /** By itself the server forgets it after five minutes, and it takes no more than 1,000 consumers of a stream. */
  #discard(consumer: PushConsumer): void {
    consumer.delete().catch((error: unknown) => {
      const translated = translateNatsError(error, `deleting a watch of ${this.#bucket}`);
      this.#log.debug({ err: translated, bucket: this.#bucket }, 'a former watch is left to expire');
    });
  }

  /** The watch has ended although nobody stopped it. */
  async #restart(error: unknown): Promise<void> {
    const generation = this.#generation;
    this.#log.error({ err: error, bucket: this.#bucket }, 'the watch of the bucket has ended, listing it again');
    await delay(RETRY_MS, this.#clock, this.#stopped.signal);
    if (this.#isCurrent(generation)) this.#relist();
  }

  #apply(key: string, message: JsMsg): void {
    if (this.#entries.get(key)?.revision === message.seq) return;
    const gone = departureOf(message);
    this.#set(key, gone ? undefined : { value: message.json<T>(), revision: message.seq }, gone);
  }

  #set(key: string, current: Revisioned<T> | undefined, gone?: Departure): void {
    const previous = this.#entries.get(key);
    if (current) this.#entries.set(key, current);
    else if (!this.#entries.delete(key)) return;
    for (const listener of [...this.#listeners]) listener({ key, current, previous, gone });
  }
}

function departureOf(message: JsMsg): Departure | undefined {
  const reason = message.headers?.get('Nats-Marker-Reason');
  if (reason) return reason === 'MaxAge' ? 'expired' : 'deleted';
  return message.headers?.has('KV-Operation') ? 'deleted' : undefined;
}
