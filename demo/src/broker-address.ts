import type { IntegrationWrite } from '@gatecast/local-stack';

/** A broker as `--broker` names it. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
}

const EXAMPLE = 'mqtt://user:password@broker.example.org:1883';

/**
 * `mqtt://` or `mqtts://`, with user and password if need be, percent-encoded where they hold special characters.
 * @throws {RangeError} saying what is wrong, never with the password
 */
export function parseBrokerAddress(text: string): BrokerAddress {
  const url = URL.parse(text);
  if (url === null) throw new RangeError(`is not a URL such as ${EXAMPLE}`);
  if (url.protocol !== 'mqtt:' && url.protocol !== 'mqtts:') {
    throw new RangeError(`has to begin with mqtt:// or mqtts://, not ${url.protocol}//`);
  }
  if (url.hostname === '') throw new RangeError(`names no host: ${EXAMPLE}`);
  if (!/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '') {
    throw new RangeError(`has something after host and port: ${EXAMPLE}`);
  }
  if (url.password !== '' && url.username === '') throw new RangeError('has a password without a user');
  const tls = url.protocol === 'mqtts:';
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (tls ? 8883 : 1883) : Number(url.port),
    tls,
    ...(url.username !== '' && { username: decode(url.username) }),
    ...(url.password !== '' && { password: decode(url.password) }),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new RangeError('has a user or password with a stray %: write it as %25', { cause: error });
  }
}

/** Without user and password. */
export function urlOf({ host, port, tls }: BrokerAddress): string {
  return `${tls ? 'mqtts' : 'mqtt'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** What a gateway's integration says of it. */
export function settingsOf({ host, port, tls, username, password }: BrokerAddress): IntegrationWrite {
  return {
    host,
    port,
    ...(tls && { tls: { enabled: true } }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
}

/** A command that subscribes to everything below `rootTopic`. It leaves the password to be filled in. */
export function subscribeCommand({ host, port, tls, username, password }: BrokerAddress, rootTopic: string): string {
  const parts = ['npx mqtt sub', `-h ${host}`, `-p ${port}`];
  if (tls) parts.push('-l mqtts');
  if (username !== undefined) parts.push(`-u ${shellQuoted(username)}`);
  if (password !== undefined) parts.push("-P '<password>'");
  return [...parts, `-t ${shellQuoted(`${rootTopic}/#`)}`, '-v'].join(' ');
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
