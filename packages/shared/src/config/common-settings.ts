import { hostname } from 'node:os';
import Type from 'typebox';
import { LOG_LEVELS, type LogLevel } from '../logging/index.ts';
import { DEFAULT_PARTITIONS } from '../model/index.ts';

/** Settings of services that share partitions among their processes. */
export const ownershipSettings = {
  handoversPerSecond: Type.Integer({
    default: 10,
    minimum: 1,
    maximum: 1_000,
    description: 'Partitions that a process gives away a second, at most, when another one has come.',
  }),
};

/** Settings that every service has. Spread them into the service's own schema. */
export const commonSettings = {
  natsUrl: Type.String({
    default: 'nats://127.0.0.1:4222',
    description:
      'NATS servers, comma-separated. `tls://…`, or a CA file, asks for TLS; then name them as their certificates do, not by address.',
  }),
  natsUser: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]+$',
      description: 'NATS user of this service. Its inboxes are `_INBOX.<user>.>`.',
    }),
  ),
  natsPasswordFile: Type.Optional(
    Type.String({
      file: true,
      description: 'File with its password. Read at each connect: it may change at any time.',
    }),
  ),
  natsCaFile: Type.Optional(
    Type.String({
      file: true,
      description: 'PEM file of the CA that the NATS servers are trusted by. Read at each connect, too.',
    }),
  ),
  partitions: Type.Integer({
    default: DEFAULT_PARTITIONS,
    minimum: 1,
    maximum: 4096,
    description: 'Number of partitions; the same everywhere, fixed at install.',
  }),
  instance: Type.String({
    default: hostname(),
    pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$',
    maxLength: 128,
    description:
      'Name of this process in logs, leases and status; each process of a role and fleet needs its own. Default: the host name.',
  }),
  adminHost: Type.String({ default: '0.0.0.0', description: 'Address of the admin port.' }),
  adminPort: Type.Integer({
    default: 9090,
    minimum: 0,
    maximum: 65_535,
    description: 'Port of /livez, /readyz and /metrics; 0 picks a free one.',
  }),
  logLevel: Type.Unsafe<LogLevel>({
    type: 'string',
    enum: [...LOG_LEVELS],
    default: 'info',
    description: 'Log level.',
  }),
};
