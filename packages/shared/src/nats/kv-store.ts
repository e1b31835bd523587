import { type KV, type KvEntry, Kvm } from '@nats-io/kv';
import { GatecastError, isGatecastError } from '../errors/index.ts';
import type { Nats } from './connection.ts';
import { translateNatsError } from './errors.ts';
import { HeaderBlock } from './header-block.ts';
import { publishToStream } from './publish.ts';
import type { Bucket } from './topology.ts';

export interface Revisioned<T> {
  value: T;
  /** Stream sequence of the write: the token of compare-and-set, and the ETag of the REST API. */
  revision: number;
}

/** What code needs of a bucket; the fake of the tests passes the same conformance suite. */
export interface KeyValueStore<T> {
  /** The current value, read from the leader; undefined when there is none. */
  get(key: string): Promise<Revisioned<T> | undefined>;
  /** @throws {GatecastError} `REVISION_CONFLICT` when the key exists. */
  create(key: string, value: T): Promise<number>;
  /** @throws {GatecastError} `REVISION_CONFLICT` when the key is not at `revision`. */
  update(key: string, value: T, revision: number): Promise<number>;
  /** @throws {GatecastError} `REVISION_CONFLICT` when `revision` is given and the key is not at it. */
  delete(key: string, revision?: number): Promise<void>;
}

/** A bucket of JSON records. All errors are GatecastErrors. */
export class KvStore<T> implements KeyValueStore<T> {
  readonly bucket: Bucket;
  readonly #kv: KV;

  readonly #nats: Nats;

  private constructor(nats: Nats, bucket: Bucket, kv: KV) {
    this.#nats = nats;
    this.bucket = bucket;
    this.#kv = kv;
  }

  /** Binds to an existing bucket. */
  static async open<T>(nats: Nats, bucket: Bucket): Promise<KvStore<T>> {
    try {
      return new KvStore<T>(nats, bucket, await new Kvm(nats.js).open(bucket, { allow_direct: false }));
    } catch (error) {
      throw translateNatsError(error, `opening bucket ${bucket}`);
    }
  }

  /** TTL of the bucket's keys in ms; 0 when they do not expire. */
  async ttlMs(): Promise<number> {
    return this.#do('reading limits of', '', async () => (await this.#kv.status()).ttl);
  }

  async get(key: string): Promise<Revisioned<T> | undefined> {
    const entry = await this.#do('reading', key, () => this.#kv.get(key));
    return entry && isLive(entry) ? { value: entry.json<T>(), revision: entry.revision } : undefined;
  }

  async create(key: string, value: T): Promise<number> {
    return this.#do('creating', key, () => this.#kv.create(key, JSON.stringify(value)));
  }

  async update(key: string, value: T, revision: number): Promise<number> {
    const subject = `$KV.${this.bucket}.${key}`;
    const options = { headers: new HeaderBlock(), expectLast: revision };
    return this.#do('updating', key, async () => {
      const written = await publishToStream(this.#nats, subject, Buffer.from(JSON.stringify(value)), options);
      return written.sequence;
    });
  }

  async delete(key: string, revision?: number): Promise<void> {
    await this.#do('deleting', key, () =>
      this.#kv.delete(key, revision === undefined ? {} : { previousSeq: revision }),
    );
  }

  async #do<R>(doing: string, key: string, request: () => Promise<R>): Promise<R> {
    try {
      return await this.#nats.untilCut(request());
    } catch (error) {
      const what = `${doing} ${this.bucket}${key && `/${key}`}`;
      const translated = translateNatsError(error, what);
      if (!isGatecastError(translated, 'SUBJECT_SEQUENCE_CONFLICT')) throw translated;
      throw new GatecastError('REVISION_CONFLICT', `${what}: not at the expected revision`, { cause: error });
    }
  }
}

function isLive(entry: KvEntry): boolean {
  return entry.operation === 'PUT';
}
