import { type ApiClient, ApiError } from '@gatecast/local-stack/clients';
import { type Clock, delay } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { PlannedGateway } from '../fleet-plan.ts';
import type { SimulatedGatewaySettings } from '../simulator/settings.ts';

export interface RegisterFleetOptions {
  readonly api: Pick<
    ApiClient,
    'createFleet' | 'createGateway' | 'rotateIngestToken' | 'getIntegration' | 'patchIntegration'
  >;
  readonly plan: readonly PlannedGateway[];
  readonly broker: { readonly host: string; readonly port: number };
  /** Undefined: the default one. */
  readonly fleet: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const RETRY_MS = 1_000;

/**
 * Registers gateways, and waits for the API as long as it takes. Those that are there get a new token and keep their
 * settings, so that a restart changes nothing that somebody has set. Resolves early, with fewer, when `signal` is aborted.
 * @throws {ApiError} refused for another reason than that the API is not able to answer now
 */
export async function registerFleet(options: RegisterFleetOptions): Promise<SimulatedGatewaySettings[]> {
  const { api, plan, fleet, signal } = options;
  if (fleet !== undefined) {
    await answered(options, () => unless('fleet_exists', api.createFleet(fleet)));
  }
  const registered: SimulatedGatewaySettings[] = [];
  for (const planned of plan) {
    const token = await answered(options, () => register(options, planned));
    if (signal.aborted || token === undefined) break;
    registered.push({ gatewayId: planned.gatewayId, token, sensors: planned.sensors });
  }
  return registered;
}

async function register(
  { api, fleet, broker }: RegisterFleetOptions,
  { gatewayId, name, format }: PlannedGateway,
): Promise<string> {
  const created = await unless(
    'gateway_exists',
    api.createGateway({ gatewayId, name, ...(fleet !== undefined && { fleet }) }),
  );
  const { value } = await api.getIntegration(gatewayId);
  if (value.host === undefined || value.host === null) {
    await api.patchIntegration(gatewayId, { host: broker.host, port: broker.port, format });
  }
  return created?.value.ingestToken ?? (await api.rotateIngestToken(gatewayId));
}

async function unless<T>(code: string, request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof ApiError && error.code === code) return undefined;
    throw error;
  }
}

/** Asks until there is an answer of the API itself; undefined when given up. */
async function answered<T>(
  { clock, log, signal }: RegisterFleetOptions,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  while (!signal.aborted) {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error;
      log.info({ reason: error instanceof Error ? error.message : String(error) }, 'config-api does not answer yet');
    }
    await delay(RETRY_MS, clock, signal);
  }
  return undefined;
}
