import { Counter, type Registry } from '@prometheus-io/client';
import type { ErrorCode, GatecastError } from '../errors/index.ts';
import { startAdminServer } from '../http/index.ts';
import { connectNats, type Nats, type NatsOptions } from '../nats/index.ts';
import type { ServiceContext } from './run-service.ts';

export interface ConnectionSettings extends Omit<NatsOptions, 'name' | 'onRefused'> {
  instance: string;
  adminHost: string;
  adminPort: number;
}

export interface ConnectedService {
  nats: Nats;
  /** Where `/livez`, `/readyz` and `/metrics` are. */
  adminPort: number;
}

const ADMIN_STOP_MS = 2_000;
const CONNECTING_STOP_MS = 1_000;
const NATS_STOP_MS = 6_000;

/**
 * What every service begins with, and what stops last: the admin port, which answers while the rest is still starting,
 * and then NATS. Waits as long as it takes for a NATS server to appear.
 * @param role name of the service, and of what it serves, in the server's list of connections
 * @throws {GatecastError} `NATS_TOO_OLD`
 */
export async function connectService(
  { config, log, lifecycle }: Pick<ServiceContext<ConnectionSettings>, 'config' | 'log' | 'lifecycle'>,
  role: string,
  registry: Registry,
): Promise<ConnectedService> {
  let connected: Nats | undefined;
  /** What NATS has refused since we were connected last. */
  let refusal: ErrorCode | undefined;
  const admin = await startAdminServer({
    host: config.adminHost,
    port: config.adminPort,
    registry,
    notReady: () => {
      if (lifecycle.state === 'running' && connected?.isConnected()) return undefined;
      const state = lifecycle.state === 'running' ? 'not connected to NATS' : lifecycle.state;
      return refusal === undefined ? state : `${state} (${refusal})`;
    },
  });
  lifecycle.onStop('admin server', ADMIN_STOP_MS, () => admin.stop());
  const refused = new Counter({
    name: 'gatecast_nats_refused_total',
    help: 'What NATS has refused, by error code: the connection, or a subject.',
    labelNames: ['code'],
    registers: [registry],
  });
  const name = `${role} ${config.instance}`;
  const onRefused = ({ code }: GatecastError) => {
    refused.inc({ code });
    refusal = code;
  };
  const connecting = new AbortController();
  lifecycle.onStop('connecting to nats', CONNECTING_STOP_MS, async () => connecting.abort());
  const nats = await connectNats({ ...config, name, onRefused }, log, connecting.signal);
  connected = nats;
  refusal = undefined;
  nats.onReconnect(() => {
    refusal = undefined;
  });
  lifecycle.onStop('nats', NATS_STOP_MS, () => nats.close());
  return { nats, adminPort: admin.port };
}
