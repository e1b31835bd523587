const LABEL = /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
const IPV4_PART = /^(0|[1-9]\d{0,2})$/;

/**
 * Why `host` is neither a DNS name nor an IP literal, in words that help to mend it; undefined when it is one. Nothing
 * is resolved here: whether it exists, and whether a session may go there, is decided at each connect.
 */
export function hostProblem(host: string): string | undefined {
  if (/\s/.test(host)) return 'must not contain white space';
  if (host.includes('://')) return 'is a name or address alone: leave out the scheme (TLS has its own setting)';
  if (host.includes('@')) return 'is a name or address alone: user name and password have their own settings';
  if (/[/?#]/.test(host)) return 'is a name or address alone: leave out the path';
  if (host.startsWith('[')) return 'is written without brackets; the port has its own setting';
  if (host.includes('%')) return 'must not have an IPv6 zone';
  if (host.includes(':')) return isIpv6(host) ? undefined : portOrMalformed(host);
  if (isIpv4(host)) return undefined;
  return nameProblem(host);
}

/** The one spelling of a host by which two settings are compared. */
export function normalizeHost(host: string): string {
  const lower = host.toLowerCase();
  if (isIpv6(lower)) return new URL(`http://[${lower}]`).hostname.slice(1, -1);
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

function portOrMalformed(host: string): string {
  return /^[^:]+:\d+$/.test(host)
    ? 'is a name or address alone: the port has its own setting'
    : 'is not a valid IPv6 address';
}

function isIpv6(host: string): boolean {
  return host.includes(':') && /^[0-9A-Fa-f:.]+$/.test(host) && URL.canParse(`http://[${host}]`);
}

function isIpv4(host: string): boolean {
  const parts = host.split('.');
  return parts.length === 4 && parts.every((part) => IPV4_PART.test(part) && Number(part) <= 255);
}

function nameProblem(host: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are not ASCII names either
  if (/[^\x00-\x7f]/.test(host)) return 'must be ASCII: write an internationalised name in its xn-- form';
  const labels = (host.endsWith('.') ? host.slice(0, -1) : host).split('.');
  if (host.length > 253 || !labels.every((label) => LABEL.test(label))) return 'is not a DNS name or an IP address';
  // Resolvers read a name that ends in a number as an IPv4 address, in forms that nobody expects (WHATWG URL, 3.5).
  if (/^\d+$/.test(labels.at(-1) ?? '')) return 'is not a valid IPv4 address';
  return undefined;
}
