import type { Clock } from '@gatecast/shared/lifecycle';
import { LRUCache } from 'lru-cache';
import { Slots } from './slots.ts';

/** The two ways to look a host name up. Both reject with an error that carries a resolver's `code`. */
export interface NameService {
  /** As the system does (hosts file, search domains, DNS). Takes a thread of few, and cannot be called off. */
  lookup(host: string): Promise<string[]>;
  /** By asking the DNS for exactly this name. Takes no thread, and ends by itself in a few seconds. */
  query(host: string): Promise<string[]>;
}

export interface BrokerNamesOptions {
  /** System lookups at a time, for the whole process; at least 2. */
  maxLookups: number;
  /** How long an answer is used again, ms. */
  cacheMs: number;
  /** A system lookup that has not answered, or not begun, after so long is helped out by a DNS query, ms. */
  patienceMs: number;
  clock: Clock;
}

/** Bounds what is remembered of names. */
const MAX_NAMES = 10_000;

/** Codes by which the DNS says that there is no such name: it answers, so a lookup does not hang. */
const ANSWERED_NO: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA']);

const NEVER = new AbortController().signal;

interface Lookup {
  state: 'waiting' | 'running';
  /** Aborted when it is to wait among the suspects. */
  becameSuspect: AbortController;
}

/**
 * Addresses of broker hosts. A system lookup (getaddrinfo) blocks one of libuv's few threads until the system gives up,
 * tens of seconds for a name whose servers do not answer, so that some bad names could keep everybody from connecting.
 * Therefore: one lookup a name at a time, for all who ask; answers are kept for seconds; names that have kept a thread
 * too long are suspects, who share one thread until they answer; and whoever has waited for a while is helped out by
 * asking the DNS without a thread.
 */
export class BrokerNames {
  readonly #service: NameService;
  readonly #options: BrokerNamesOptions;
  readonly #lookups: Slots;
  readonly #suspectLookups = new Slots(1);
  readonly #answers = new LRUCache<string, { addresses: string[]; until: number }>({ max: MAX_NAMES });
  readonly #suspects = new LRUCache<string, true>({ max: MAX_NAMES });
  readonly #underWay = new Map<string, Promise<string[]>>();

  constructor(service: NameService, options: BrokerNamesOptions) {
    this.#service = service;
    this.#options = options;
    this.#lookups = new Slots(Math.max(1, options.maxLookups - 1));
  }

  /** Lookups that wait for a thread. */
  get waiting(): number {
    return this.#lookups.waiting + this.#suspectLookups.waiting;
  }

  /** Never ends before the name service does: whoever asks has a deadline of their own. Rejects as the service does. */
  resolve(host: string): Promise<string[]> {
    const known = this.#answers.get(host);
    if (known && known.until > this.#options.clock.monotonic()) return Promise.resolve(known.addresses);
    const underWay = this.#underWay.get(host);
    if (underWay) return underWay;
    const asked = this.#ask(host);
    this.#underWay.set(host, asked);
    return asked;
  }

  #ask(host: string): Promise<string[]> {
    return new Promise((resolve, reject) => {
      const lookup: Lookup = { state: 'waiting', becameSuspect: new AbortController() };
      const patience = this.#options.clock.setTimeout(() => {
        this.#help(host, lookup).then(resolve, () => undefined);
      }, this.#options.patienceMs);
      const over = () => {
        patience.cancel();
        this.#underWay.delete(host);
      };
      this.#lookUp(host, lookup).then(
        (addresses) => {
          over();
          this.#suspects.delete(host);
          this.#remember(host, addresses);
          resolve(addresses);
        },
        (error) => {
          over();
          reject(error);
        },
      );
    });
  }

  async #lookUp(host: string, lookup: Lookup): Promise<string[]> {
    const { becameSuspect } = lookup;
    if (this.#suspects.has(host)) becameSuspect.abort();
    const leave =
      (await this.#lookups.enter(host, becameSuspect.signal)) ?? (await this.#suspectLookups.enter(host, NEVER));
    lookup.state = 'running';
    try {
      return await this.#service.lookup(host);
    } finally {
      leave?.();
    }
  }

  /** The lookup has kept its thread too long, or has not got one. What the DNS does not know, the system may. */
  async #help(host: string, lookup: Lookup): Promise<string[]> {
    if (lookup.state === 'running') this.#suspects.set(host, true);
    try {
      const addresses = await this.#service.query(host);
      this.#remember(host, addresses);
      return addresses;
    } catch (error) {
      if (lookup.state === 'waiting' && !ANSWERED_NO.has((error as { code?: unknown }).code)) {
        this.#suspects.set(host, true);
        lookup.becameSuspect.abort();
      }
      throw error;
    }
  }

  #remember(host: string, addresses: string[]): void {
    this.#answers.set(host, { addresses, until: this.#options.clock.monotonic() + this.#options.cacheMs });
  }
}
