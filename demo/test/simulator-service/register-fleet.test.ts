import { ApiError } from '@gatecast/local-stack/clients';
import { createLogger } from '@gatecast/shared/logging';
import { ManualClock, waitFor } from '@gatecast/shared/testing';
import { beforeEach, expect, test } from 'vitest';
import { planFleet } from '../../src/fleet-plan.ts';
import { type RegisterFleetOptions, registerFleet } from '../../src/simulator-service/register-fleet.ts';

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
const plan = planFleet({ gateways: 2, sensors: 1, format: undefined, seed: 1 });
const refused = (status: number, code: string) =>
  new ApiError('request', { type: 'about:blank', title: code, status, code });

/** config-api, as far as it is used here. */
class FakeApi {
  readonly calls: string[] = [];
  readonly known = new Map<string, Record<string, unknown>>();
  /** Thrown by the next requests, one each. */
  readonly failures: Error[] = [];

  #call(name: string): void {
    this.calls.push(name);
    const failure = this.failures.shift();
    if (failure) throw failure;
  }

  async createFleet(fleet: string) {
    this.#call(`createFleet ${fleet}`);
    throw refused(409, 'fleet_exists');
  }

  async createGateway({ gatewayId, fleet = 'default' }: { gatewayId: string; fleet?: string }) {
    this.#call(`createGateway ${gatewayId} ${fleet}`);
    if (this.known.has(gatewayId)) throw refused(409, 'gateway_exists');
    this.known.set(gatewayId, {});
    return { value: { gatewayId, ingestToken: `first of ${gatewayId}` }, etag: '' };
  }

  async rotateIngestToken(gatewayId: string) {
    this.#call(`rotateIngestToken ${gatewayId}`);
    return `second of ${gatewayId}`;
  }

  async getIntegration(gatewayId: string) {
    this.#call(`getIntegration ${gatewayId}`);
    return { value: this.known.get(gatewayId), etag: '' };
  }

  async patchIntegration(gatewayId: string, settings: Record<string, unknown>) {
    this.#call(`patchIntegration ${gatewayId}`);
    this.known.set(gatewayId, settings);
    return { value: settings, etag: '' };
  }
}

let api: FakeApi;
let clock: ManualClock;
let abort: AbortController;
beforeEach(() => {
  api = new FakeApi();
  clock = new ManualClock();
  abort = new AbortController();
});

const register = (fleet?: string) =>
  registerFleet({
    api: api as unknown as RegisterFleetOptions['api'],
    broker: { host: 'broker', port: 1884 },
    ...{ plan, fleet, clock, log, signal: abort.signal },
  });
const ids = plan.map(({ gatewayId }) => gatewayId);
const tokens = (gateways: Awaited<ReturnType<typeof registerFleet>>) => gateways.map(({ token }) => token);

test('gateways are registered with the broker of all, and a format each', async () => {
  expect(tokens(await register())).toEqual(ids.map((id) => `first of ${id}`));
  expect([...api.known.values()]).toEqual(plan.map(({ format }) => ({ host: 'broker', port: 1884, format })));
});

test('after a restart they get a new token and keep the settings that somebody has made', async () => {
  await register();
  api.known.set(ids[0]!, { host: 'another' });
  api.calls.length = 0;
  expect(tokens(await register())).toEqual(ids.map((id) => `second of ${id}`));
  expect(api.known.get(ids[0]!)).toEqual({ host: 'another' });
  expect(api.calls.filter((call) => call.startsWith('patch'))).toEqual([]);
});

test('a start that was interrupted before the settings were saved is finished', async () => {
  api.known.set(ids[0]!, {});
  await register();
  expect(api.known.get(ids[0]!)).toMatchObject({ host: 'broker' });
});

test('a fleet that is there is no error, and all are created in it', async () => {
  await register('south');
  expect(api.calls.slice(0, 2)).toEqual(['createFleet south', `createGateway ${ids[0]} south`]);
});

test('it waits for an API that does not answer, or is not able to, and gives up at a refusal', async () => {
  api.failures.push(new TypeError('fetch failed'), refused(503, 'unavailable'));
  const registering = register();
  for (const calls of [1, 2]) {
    await waitFor(() => api.calls.length === calls);
    await clock.advance(1_000);
  }
  expect(await registering).toHaveLength(2);
  api.failures.push(refused(401, 'unauthorized'));
  await expect(register()).rejects.toMatchObject({ code: 'unauthorized' });
});

test('it can be given up while it waits', async () => {
  api.failures.push(new TypeError('fetch failed'));
  const registering = register();
  await waitFor(() => api.calls.length === 1);
  abort.abort();
  expect(await registering).toEqual([]);
});
