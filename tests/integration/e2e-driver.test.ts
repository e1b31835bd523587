import { Driver, type GatewaySetup } from '@gatecast/e2e-driver';
import { LocalStack } from '@gatecast/local-stack';
import { Mosquitto, mosquittoOrSkip } from '@gatecast/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/* What measures in a cluster, here with processes of this machine: so that a run on a cluster can be believed. */

const SECOND_FLEET = 'second';

describe.skipIf(mosquittoOrSkip() === undefined)('the driver of the tests on Kubernetes', () => {
  let stack: LocalStack;
  let broker: Mosquitto;
  const driver = new Driver();

  beforeAll(async () => {
    [stack, broker] = await Promise.all([
      LocalStack.start({ partitions: 8 }),
      Mosquitto.start({ maxInflightMessages: 0, users: { checker: 'secret' } }),
    ]);
    await stack.api.createFleet(SECOND_FLEET);
    await stack.addInstance('mqtt-publisher', { fleet: SECOND_FLEET });
  });

  afterAll(async () => {
    await driver.close();
    await stack.stop();
    await broker.stop();
  });

  function gateway(index: number): GatewaySetup {
    return {
      gatewayId: `driven-${index}`,
      group: index % 2 === 0 ? 'even' : 'odd',
      mqtt: { host: broker.host, port: broker.port, username: 'checker', password: 'secret' },
      qos: 1,
      pace: { perRequest: 2, intervalMs: 50 },
    };
  }

  test('registers, sends, moves, and judges by what came at the broker', async () => {
    await driver.open({
      apiUrl: stack.services['config-api'].httpUrl,
      ingestUrl: stack.services['sensor-ingest'].httpUrl,
      apiKey: stack.apiKey,
      seed: 1,
      brokers: { main: { url: broker.url, username: 'checker', password: 'secret' } },
    });
    await driver.register({ gateways: [0, 1, 2, 3].map(gateway), timeoutMs: 30_000 });
    expect(new Set(Object.values(await driver.owners()))).toEqual(new Set(['mqtt-publisher-1']));

    await driver.phase({ name: 'before' });
    await driver.start();
    await driver.flowing({ more: 10, timeoutMs: 20_000 });
    await driver.phase({ name: 'during' });
    await driver.move({ gatewayIds: ['driven-0', 'driven-2'], fleet: SECOND_FLEET, timeoutMs: 30_000 });
    await driver.flowing({ more: 10, group: 'even', timeoutMs: 20_000 });
    await driver.stop();
    await driver.allArrived({ timeoutMs: 20_000 });

    const none = { window: 20, windowsBeyondRecord: 4, crashes: 0, sessionLosses: 0, brokerForgot: 0 };
    const verdict = await driver.verdict({ duplicates: none, promises: { worstGapMs: 60_000 } });
    expect(verdict.broken).toEqual([]);
    expect(verdict.totals).toMatchObject({ gateways: 4, missing: 0, outOfOrder: 0, unexpected: 0 });
    expect(verdict.totals.accepted).toBeGreaterThanOrEqual(80);
    expect(verdict.latency.map(({ phase, group }) => `${phase} ${group}`)).toEqual([
      'before even',
      'before odd',
      'during even',
      'during odd',
    ]);
    expect(verdict.latency.every(({ count, p99 }) => count > 0 && p99 > 0)).toBe(true);

    const impossible = await driver.verdict({
      duplicates: none,
      promises: {},
      groups: { odd: { worstGapMs: -1 } },
    });
    expect(impossible.broken).toHaveLength(2);
  });

  test('asks the API anything, and takes its gateways away', async () => {
    expect(await driver.api({ method: 'GET', path: '/v1/fleets/nonesuch' })).toMatchObject({ status: 404 });
    await driver.unregister();
    const { body } = await driver.api({ method: 'GET', path: '/v1/workspaces/default/gateways' });
    expect(body).toMatchObject({ items: [] });
  });
});
