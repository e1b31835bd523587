import { lookup, Resolver } from 'node:dns/promises';
import type { NameService } from '../../application/broker-names.ts';

/** For one try of a DNS query, ms. */
const QUERY_TIMEOUT_MS = 1_500;
const QUERY_TRIES = 2;

/** The system's resolver, and c-ares for what must not take a thread. */
export class SystemNames implements NameService {
  readonly #resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });

  async lookup(host: string): Promise<string[]> {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  }

  /** IPv4 and IPv6 addresses; one kind is enough. */
  async query(host: string): Promise<string[]> {
    const [ipv4, ipv6] = await Promise.allSettled([this.#resolver.resolve4(host), this.#resolver.resolve6(host)]);
    const addresses = [ipv4, ipv6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (addresses.length === 0 && ipv4.status === 'rejected') throw ipv4.reason;
    return addresses;
  }
}
