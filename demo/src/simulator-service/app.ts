import { ApiClient } from '@gatecast/local-stack/clients';
import { startAdminServer } from '@gatecast/shared/http';
import type { ServiceContext } from '@gatecast/shared/service';
import { Registry } from '@prometheus-io/client';
import { planFleet } from '../fleet-plan.ts';
import { SimulatedFleet } from '../simulator/simulated-fleet.ts';
import type { SimulatorConfig } from './config.ts';
import { registerFleet } from './register-fleet.ts';

/** Registers the gateways, then sends their readings until it is stopped. */
export async function startApp({ config, log, clock, lifecycle }: ServiceContext<SimulatorConfig>): Promise<void> {
  const admin = await startAdminServer({
    host: config.adminHost,
    port: config.adminPort,
    registry: new Registry(),
    notReady: () => (lifecycle.state === 'running' ? undefined : `${lifecycle.state}: gateways are being registered`),
  });
  lifecycle.onStop('admin server', 2_000, () => admin.stop());
  const starting = new AbortController();
  lifecycle.onStop('start', 1_000, async () => starting.abort());
  const { apiUrl, apiKey, workspace, brokerHost, brokerPort } = config;
  const gateways = await registerFleet({
    api: new ApiClient({ baseUrl: apiUrl, apiKey, workspace }),
    plan: planFleet({ ...config, format: config.format }),
    broker: { host: brokerHost, port: brokerPort },
    ...{ fleet: config.fleet, clock, log, signal: starting.signal },
  });
  if (starting.signal.aborted) return;
  const { ingestUrl, seed, speed } = config;
  const fleet = new SimulatedFleet({ ingestUrl, seed, pace: { kind: 'follow', speed }, gateways }, log);
  lifecycle.onStop('gateways', 5_000, async () => log.info(await fleet.stop(), 'gateways stopped'));
  fleet.start();
  log.info({ adminPort: admin.port, gateways: gateways.length }, 'ready');
}
