import { GatecastError } from '@gatecast/shared/errors';
import { partitionOf } from '@gatecast/shared/model';
import { describe, expect, it } from 'vitest';
import { statusRecord } from '../../domain/status/samples.ts';
import { createHarness, LEASE_TTL_MS, PARTITIONS } from '../../harness.ts';

const MQTT = '/v1/workspaces/acme/gateways/gw-1/integrations/mqtt';
const partition = partitionOf('gw-1', PARTITIONS);

async function delivering() {
  const harness = await createHarness();
  const { request, withWorkspace, withGateway, buckets } = harness;
  await withWorkspace();
  const { etag } = await withGateway();
  await request('PUT', MQTT, { body: { host: 'broker.example' }, ifMatch: etag });
  const { incarnation } = buckets.gateways.view.get('gw-1')!.value;
  const renewedAt = '2026-01-01T00:00:00.000Z';
  await buckets.leases.create(`publisher.default.${partition}`, { instance: 'pub-1', nonce: 'n', renewedAt });
  await buckets.leases.create(`encoder._.${partition}`, { instance: 'enc-1', nonce: 'n', renewedAt });
  await buckets.status.create('gw-1', statusRecord({ incarnation }));
  return { ...harness, incarnation };
}

describe('status', () => {
  it('is what the owner says, with what was delivered', async () => {
    const { request, buckets, incarnation, clock } = await delivering();
    const own = { i: incarnation, s: 12, l: 2, x: 1, t: clock.now() };
    await buckets.checkpoints.create(`publisher.default.${partition}`, { epoch: 1, seq: 9, gateways: { 'gw-1': own } });
    expect((await request('GET', `${MQTT}/status`)).body).toEqual({
      code: 'MQTT_INFO_NO_ERR',
      class: 'ok',
      reason: 'delivering',
      message: 'Messages arrive.',
      active: true,
      since: '2026-01-01T01:00:00.000Z',
      updated: '2026-01-01T01:00:00.000Z',
      host: 'broker.example',
      attempt: 0,
      delivered: 9,
      lastDeliveredAt: '2026-01-01T00:00:00.000Z',
      backlog: { messages: 0, lost: 2 },
      owner: { instance: 'pub-1', epoch: 10 },
    });
  });

  it('is no longer green once the owner has not renewed its lease', async () => {
    const { request, clock } = await delivering();
    await clock.advance(LEASE_TTL_MS - 1);
    expect((await request('GET', `${MQTT}/status`)).body.code).toBe('MQTT_INFO_NO_ERR');
    await clock.advance(1);
    const { body } = await request('GET', `${MQTT}/status`);
    expect(body).toMatchObject({
      code: 'MQTT_WARNING_CONNECTING',
      class: 'platform',
      reason: 'no_owner',
      active: false,
    });
    expect((await request('GET', MQTT.replace('/integrations/mqtt', ''))).body.status.reason).toBe('no_owner');
    expect((await request('GET', `${MQTT}/details`)).body.values.status.indicator).toBe('yellow');
  });

  it('is no longer green when the lease expires', async () => {
    const { request, buckets } = await delivering();
    buckets.leases.expire(`publisher.default.${partition}`);
    expect((await request('GET', `${MQTT}/status`)).body.reason).toBe('no_owner');
  });

  it('says when readings wait for the encoder', async () => {
    const { request, oldestUnencoded, clock } = await delivering();
    oldestUnencoded.set(partition, clock.now() - 31_000);
    expect((await request('GET', `${MQTT}/status`)).body).toMatchObject({
      class: 'platform',
      reason: 'encoder_behind',
    });
    oldestUnencoded.delete(partition);
    expect((await request('GET', `${MQTT}/status`)).body.class).toBe('ok');
  });

  it('shows a backlog with its age, and without it when the store does not say', async () => {
    const { request, buckets, incarnation, waiting, clock } = await delivering();
    const own = { i: incarnation, s: 2, h: 10 };
    await buckets.checkpoints.create(`publisher.default.${partition}`, { epoch: 1, seq: 9, gateways: { 'gw-1': own } });
    waiting.oldest = clock.now() - 60_000;
    const { body } = await request('GET', `${MQTT}/status`);
    expect(body.backlog).toEqual({ messages: 8, oldest: '2025-12-31T23:59:00.000Z', lost: 0 });
    waiting.failure = new GatecastError('NATS_UNAVAILABLE', 'away', { retryable: true });
    expect((await request('GET', `${MQTT}/status`)).body.backlog).toEqual({ messages: 8, lost: 0 });
  });

  it('counts from zero in a new life', async () => {
    const { request, buckets, withGateway } = await delivering();
    const former = { i: 'life-0', s: 12, h: 20, l: 2 };
    await buckets.checkpoints.create(`publisher.default.${partition}`, {
      epoch: 1,
      seq: 9,
      gateways: { 'gw-1': former },
    });
    expect((await request('GET', `${MQTT}/status`)).body).toMatchObject({
      delivered: 0,
      backlog: { messages: 0, lost: 0 },
    });
    await request('DELETE', MQTT.replace('/integrations/mqtt', ''));
    await withGateway();
    expect((await request('GET', `${MQTT}/status`)).body).toMatchObject({
      code: 'MQTT_INFO_DISABLED_BY_USER',
      reason: 'no_host',
    });
  });
});

describe('history', () => {
  const event = (id: number) => ({
    id,
    time: '2026-01-01T00:00:00.000Z',
    code: 'MQTT_INFO_NO_ERR' as const,
    class: 'ok' as const,
    reason: 'delivering' as const,
    message: 'Messages arrive.',
    attempt: 0,
  });

  it('is the last transitions', async () => {
    const { request, events } = await delivering();
    events.push(event(3), event(2), event(1));
    expect((await request('GET', `${MQTT}/history`)).body).toEqual({ items: [event(3), event(2), event(1)] });
    expect((await request('GET', `${MQTT}/history?limit=2`)).body.items).toHaveLength(2);
    expect((await request('GET', `${MQTT}/history?limit=101`)).status).toBe(422);
  });
});

describe('details', () => {
  it('are the panel of the display', async () => {
    const { request } = await delivering();
    const { body } = await request('GET', `${MQTT}/details`);
    expect(body.rows).toHaveLength(13);
    expect(body.rows[0]).toEqual({ key: 'status', label: 'Status', text: 'Active' });
    expect(body.values).toMatchObject({ host: 'broker.example', port: 1883, status: { indicator: 'green' } });
  });
});

describe('all three', () => {
  it('answer 404 for what is not there', async () => {
    const { request } = await delivering();
    for (const resource of ['status', 'details', 'history']) {
      const url = `/v1/workspaces/acme/gateways/nobody/integrations/mqtt/${resource}`;
      expect((await request('GET', url)).status).toBe(404);
    }
  });
});
