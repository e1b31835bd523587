import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { join } from 'node:path';

export interface MosquittoTls {
  /** PEM: the CA that client certificates are checked against. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** Default false. */
  readonly requireClientCertificate?: boolean;
}

export interface MosquittoConfig {
  /** User name → password; whoever is not in it is refused. Default: everybody is let in. */
  readonly users?: Readonly<Record<string, string>>;
  readonly tls?: MosquittoTls;
  /** An ACL file's content. */
  readonly acl?: string;
  /** Sessions, queues and retained messages survive a restart, also a crash. Default false. */
  readonly persistence?: boolean;
  /** `max_inflight_messages`, which MQTT 5 clients are told as Receive Maximum. Default: mosquitto's 20. */
  readonly maxInflightMessages?: number;
  /** More lines for the configuration file, in the listener's section. */
  readonly config?: string;
}

export function mosquittoConfig(options: MosquittoConfig, host: string, port: number, dir: string): string {
  const lines = [
    'log_dest stderr',
    'log_type all',
    'log_timestamp false',
    'sys_interval 0',
    'set_tcp_nodelay true',
    // an offline subscriber's queue is cut at 1,000 by default: a test would take that for our loss
    'max_queued_messages 0',
    `allow_anonymous ${options.users === undefined}`,
  ];
  // started as root it would become the user "mosquitto", who cannot read the directory
  if (process.getuid?.() === 0) lines.push('user root');
  if (options.users) lines.push(`password_file ${join(dir, 'passwords')}`);
  if (options.acl !== undefined) lines.push(`acl_file ${join(dir, 'acl')}`);
  if (options.persistence) {
    lines.push('persistence true', `persistence_location ${dir}/`);
    lines.push('autosave_on_changes true', 'autosave_interval 1');
  }
  if (options.maxInflightMessages !== undefined) lines.push(`max_inflight_messages ${options.maxInflightMessages}`);
  lines.push(`listener ${port} ${host}`);
  if (options.tls) {
    lines.push(`cafile ${join(dir, 'ca.pem')}`);
    lines.push(`certfile ${join(dir, 'server.pem')}`);
    lines.push(`keyfile ${join(dir, 'server.key')}`);
    lines.push(`require_certificate ${options.tls.requireClientCertificate ?? false}`);
  }
  if (options.config !== undefined) lines.push(options.config);
  return `${lines.join('\n')}\n`;
}

/** What mosquitto_passwd writes: `user:$7$<iterations>$<salt>$<PBKDF2-SHA512>`; its own default of 101 iterations. */
export function passwordFile(users: Readonly<Record<string, string>>): string {
  const iterations = 101;
  const lines = Object.entries(users).map(([user, password]) => {
    const salt = randomBytes(12);
    const hash = pbkdf2Sync(password, salt, iterations, 64, 'sha512');
    return `${user}:$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}\n`;
  });
  return lines.join('');
}
