import { BlockList, isIP } from 'node:net';
import { GatecastError } from '@gatecast/shared/errors';

/**
 * Where a tenant must not make us connect to: this host, the link, cloud metadata, private networks, nowhere, everyone;
 * and the IPv6 ranges that stand for IPv4 addresses, which a translator or tunnel may lead to any of those.
 */
const DENIED = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2001::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
] as const;

/** Says whether a session may connect to an address. The host is chosen by a tenant, so the answer is no by default. */
export class AddressPolicy {
  readonly #denied = new BlockList();
  readonly #allowed = new BlockList();
  readonly #trustedHosts: ReadonlySet<string>;

  /**
   * @param allowed comma-separated CIDR ranges that may be connected to although they are denied by default
   * @param trustedHosts comma-separated names whose addresses may be connected to whatever they are
   * @throws {GatecastError} `CONFIG_INVALID`
   */
  constructor(allowed: string, trustedHosts = '') {
    for (const range of DENIED) add(this.#denied, range);
    for (const range of listed(allowed)) add(this.#allowed, range);
    const names = listed(trustedHosts);
    // An address among them would be a range in disguise, and trusted in one spelling only.
    const literal = names.find((name) => isIP(name) !== 0);
    if (literal) throw new GatecastError('CONFIG_INVALID', `"${literal}" is an address: allow it as a range`);
    this.#trustedHosts = new Set(names.map(plainName));
  }

  /** @param host name that led to the address, if one did */
  permits(address: string, host = address): boolean {
    if (this.#trustedHosts.has(plainName(host))) return isIP(address) !== 0;
    const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
    const plain = mapped ?? address;
    const version = isIP(plain);
    if (version === 0) return false;
    const family = version === 6 ? 'ipv6' : 'ipv4';
    return this.#allowed.check(plain, family) || !this.#denied.check(plain, family);
  }
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function plainName(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

function add(list: BlockList, range: string): void {
  const [, address = '', prefix = ''] = /^([^/]+)\/(\d{1,3})$/.exec(range) ?? [];
  const family = isIP(address);
  const bits = Number(prefix);
  if (family === 0 || bits > (family === 6 ? 128 : 32)) {
    throw new GatecastError('CONFIG_INVALID', `"${range}" is not a CIDR range`);
  }
  list.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4');
}
