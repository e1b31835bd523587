import type { IntegrationSettings } from '@gatecast/shared/model';
import { FaultableBroker, waitFor } from '@gatecast/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deliveredCounters } from './support/delivered.ts';
import { PublisherFixture } from './support/publisher-fixture.ts';

/** Shorter than the API allows: records are written as they are. */
const INTERVAL = 1 as 60;

let fixture: PublisherFixture;
let broker: FaultableBroker;

beforeAll(async () => {
  broker = await FaultableBroker.start();
  fixture = await PublisherFixture.start();
});

afterAll(async () => {
  await fixture.stop();
  await broker.stop();
});

const configure = (gateway: string, will: IntegrationSettings['will'] = { silenceIntervals: 2 }) =>
  fixture.configure(gateway, {
    host: broker.host,
    port: broker.port,
    measurementIntervalSeconds: INTERVAL,
    will,
  });

/** What was said of a gateway; in brackets what the broker said for it, as a will. */
const said = (gateway: string) =>
  broker.messages
    .filter(({ topic }) => topic === `Aranet/${gateway}/status`)
    .map(({ payload, isWill }) => (isWill ? `(${payload})` : payload));

const hear = (gateway: string, ...expected: string[]) =>
  waitFor(() => said(gateway).join() === expected.join(), {
    timeoutMs: 20_000,
    describe: () => `${expected.join()}, was ${said(gateway).join()}`,
  });

test('silent: offline, retained, and said in status; a reading: online first', async () => {
  await configure('silent');
  await fixture.emit('silent', 1);
  await hear('silent', 'online', 'offline');
  expect(broker.retained.get('Aranet/silent/status')?.payload).toBe('offline');
  const status = await waitFor(async () => {
    const found = await fixture.status('silent');
    return found?.silentSince ? found : undefined;
  });
  expect(status.code).toBe('MQTT_INFO_NO_ERR');
  expect(await fixture.metric('gatecast_publisher_gateways_silent')).toBe(1);
  expect(broker.connections.filter(({ clientId }) => clientId === 'silent')).toHaveLength(1);
  await fixture.emit('silent', 1);
  await waitFor(() => deliveredCounters(broker, 'silent').length === 2);
  expect(said('silent')).toEqual(['online', 'offline', 'online']);
  const order = broker.messages.filter(({ clientId }) => clientId === 'silent').map(({ payload }) => payload);
  expect(order.slice(-2)).toEqual(['online', '2']);
});

test('kill -9 while silent: the next owner says offline, and never online', async () => {
  await configure('quiet');
  await fixture.emit('quiet', 1);
  await hear('quiet', 'online', 'offline');
  await waitFor(async () => (await fixture.checkpoint('quiet'))?.q === 1);
  await fixture.publisher.kill('SIGKILL');
  await fixture.publisher.restart();
  await hear('quiet', 'online', 'offline', '(offline)', 'offline');
  await fixture.waitForStatus('quiet', 'MQTT_INFO_NO_ERR');
  expect(said('quiet')).toEqual(['online', 'offline', '(offline)', 'offline']);
  await fixture.emit('quiet', 1);
  await hear('quiet', 'online', 'offline', '(offline)', 'offline', 'online');
});

test('falls silent while there is no owner: the next one says offline at once', async () => {
  await configure('unseen');
  await fixture.emit('unseen', 1);
  await waitFor(async () => (await fixture.checkpoint('unseen'))?.s === 1);
  await fixture.publisher.kill('SIGKILL');
  await fixture.publisher.restart();
  await waitFor(() => said('unseen').at(-1) === 'offline', { timeoutMs: 20_000 });
  expect(said('unseen').filter((payload) => payload === 'online')).toHaveLength(1);
});

test('longer intervals: online again; none: never offline', async () => {
  await configure('patient');
  await hear('patient', 'online', 'offline');
  await configure('patient', { silenceIntervals: 1_000 });
  await hear('patient', 'online', 'offline', 'online');
  await configure('patient', { silenceIntervals: 0 });
  await fixture.emit('patient', 1);
  await waitFor(() => deliveredCounters(broker, 'patient').length === 1);
  expect(said('patient')).toEqual(['online', 'offline', 'online']);
});
