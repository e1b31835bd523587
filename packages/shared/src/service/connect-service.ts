import type { Registry } from '@prometheus-io/client';
import { startAdminServer } from '../http/index.ts';
import { connectNats, type Nats, type NatsOptions } from '../nats/index.ts';
import type { ServiceContext } from './run-service.ts';

export interface ConnectionSettings extends Omit<NatsOptions, 'name'> {
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
  const admin = await startAdminServer({
    host: config.adminHost,
    port: config.adminPort,
    registry,
    notReady: () => {
      if (lifecycle.state !== 'running') return lifecycle.state;
      return connected?.isConnected() ? undefined : 'not connected to NATS';
    },
  });
  lifecycle.onStop('admin server', ADMIN_STOP_MS, () => admin.stop());
  const nats = await connectNats({ ...config, name: `${role} ${config.instance}` }, log);
  connected = nats;
  lifecycle.onStop('nats', NATS_STOP_MS, () => nats.close());
  return { nats, adminPort: admin.port };
}
