import { createHash } from 'node:crypto';
import { partitionOf } from '@gatecast/shared/model';
import { describe, expect, it } from 'vitest';
import { statusRecord } from '../../domain/status/samples.ts';
import { createHarness, PARTITIONS } from '../../harness.ts';

const ids = (answer: { body: { items: { gatewayId: string }[] } }) =>
  answer.body.items.map(({ gatewayId }) => gatewayId);

describe('gateways', () => {
  it('are registered with a token that is shown once', async () => {
    const { request, withWorkspace, buckets } = await createHarness();
    await withWorkspace();
    const body = { gatewayId: '394260700033', name: 'Hall' };
    const created = await request('POST', '/v1/workspaces/acme/gateways', { body });
    expect([created.status, created.headers.location]).toEqual([201, '/v1/workspaces/acme/gateways/394260700033']);
    const { ingestToken, ...shown } = created.body;
    expect(shown).toMatchObject({ ...body, workspace: 'acme', fleet: 'default', online: false });
    expect(shown.status).toMatchObject({ code: 'MQTT_INFO_DISABLED_BY_USER', class: 'off', reason: 'no_host' });
    const read = await request('GET', '/v1/workspaces/acme/gateways/394260700033');
    expect([read.body, read.etag]).toEqual([shown, created.etag]);

    const stored = buckets.gateways.view.get('394260700033')!.value;
    expect(stored.ingestTokenHash).toBe(createHash('sha256').update(ingestToken).digest('hex'));
    expect(JSON.stringify(stored)).not.toContain(ingestToken);
    expect(stored.mqtt).toEqual({ advanced: { layoutVersion: 1 } });
  });

  it('get a new token on request', async () => {
    const { request, withWorkspace, withGateway, buckets } = await createHarness();
    await withWorkspace();
    const { url, token } = await withGateway();
    const rotated = await request('POST', `${url}/ingest-token`);
    expect(rotated.status).toBe(201);
    expect(rotated.body.ingestToken).not.toBe(token);
    const hash = createHash('sha256').update(rotated.body.ingestToken).digest('hex');
    expect(buckets.gateways.view.get('gw-1')!.value.ingestTokenHash).toBe(hash);
  });

  it('have ids that are unique in the deployment, whoever has them', async () => {
    const { request, withWorkspace, withGateway } = await createHarness();
    await withWorkspace('acme');
    await withWorkspace('other');
    await withGateway('gw-1', 'other');
    await withGateway('gw-2', 'acme');
    const theirs = await request('POST', '/v1/workspaces/acme/gateways', { body: { gatewayId: 'gw-1' } });
    const ours = await request('POST', '/v1/workspaces/acme/gateways', { body: { gatewayId: 'gw-2' } });
    expect([theirs.status, theirs.body.code]).toEqual([409, 'gateway_exists']);
    expect(theirs.text).toBe(ours.text);
  });

  it('begin a new life when they are deleted and registered again', async () => {
    const { request, withWorkspace, withGateway, buckets } = await createHarness();
    await withWorkspace();
    const { url, etag } = await withGateway();
    const before = buckets.gateways.view.get('gw-1')!.value;
    await request('PUT', `${url}/sensors/S1`, { body: { name: 'Door' } });
    await request('PUT', `${url}/integrations/mqtt`, { body: { host: 'broker.example' }, ifMatch: etag });
    expect((await request('DELETE', url)).status).toBe(204);
    expect((await request('GET', url)).status).toBe(404);
    expect(buckets.sensors.view.get('gw-1')).toBeUndefined();

    await withGateway();
    const after = buckets.gateways.view.get('gw-1')!.value;
    expect(after.incarnation).not.toBe(before.incarnation);
    expect(after.ingestTokenHash).not.toBe(before.ingestTokenHash);
    expect((await request('GET', `${url}/integrations/mqtt`)).body.host).toBeUndefined();
    expect((await request('GET', `${url}/sensors`)).body.items).toEqual([]);
  });

  it('are deleted only at the revision that was seen, when one is given', async () => {
    const { request, withWorkspace, withGateway } = await createHarness();
    await withWorkspace();
    const { url, etag } = await withGateway();
    await request('PATCH', url, { body: { name: 'Hall' } });
    expect((await request('DELETE', url, { ifMatch: etag })).status).toBe(412);
    expect((await request('DELETE', url, { ifMatch: '*' })).status).toBe(204);
  });

  it('are renamed, which is made known at once', async () => {
    const { request, withWorkspace, withGateway, announced } = await createHarness();
    await withWorkspace();
    const { url, etag } = await withGateway();
    const renamed = await request('PATCH', url, { body: { name: 'Hall' }, ifMatch: etag });
    expect([renamed.status, renamed.body.name]).toEqual([200, 'Hall']);
    expect(announced.map(({ name }) => name)).toEqual(['Hall']);
    const same = await request('PATCH', url, { body: { name: 'Hall', fleet: 'default' }, ifMatch: renamed.etag });
    expect(same.etag).toBe(renamed.etag);
    expect((await request('PATCH', url, { body: { name: 'Late' }, ifMatch: etag })).status).toBe(412);
    const cleared = await request('PATCH', url, { body: { name: null }, contentType: 'application/merge-patch+json' });
    expect('name' in cleared.body).toBe(false);
    expect(announced).toHaveLength(2);
  });

  it('move to another fleet by one write, which is made known at once', async () => {
    const { request, withWorkspace, withGateway, buckets, announced } = await createHarness();
    await withWorkspace();
    await request('POST', '/v1/fleets', { body: { fleet: 'west' } });
    const { url } = await withGateway();
    const moved = await request('PATCH', url, { body: { fleet: 'west', name: 'Hall' } });
    expect([moved.status, moved.body.fleet, moved.body.movingFrom]).toEqual([200, 'west', 'default']);
    const { value } = buckets.gateways.view.get('gw-1')!;
    expect(value).toMatchObject({ fleet: 'west', movedFrom: 'default', moves: 1, name: 'Hall' });
    expect(announced.map(({ fleet }) => fleet)).toEqual(['west']);
  });

  it('move to no fleet that does not exist', async () => {
    const { request, withWorkspace, withGateway } = await createHarness();
    await withWorkspace();
    const { url } = await withGateway();
    const refused = await request('PATCH', url, { body: { fleet: 'nowhere' } });
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, '/fleet']);
  });

  it('move on, and their former fleet can be deleted, once encoder and publisher say that they have arrived', async () => {
    const { request, withWorkspace, withGateway, buckets, announced } = await createHarness();
    await withWorkspace();
    await request('POST', '/v1/fleets', { body: { fleet: 'west' } });
    const { url } = await withGateway();
    await request('PATCH', url, { body: { fleet: 'west' } });
    const { incarnation: i } = buckets.gateways.view.get('gw-1')!.value;
    const partition = partitionOf('gw-1', PARTITIONS);
    const refusals = async () => {
      const back = await request('PATCH', url, { body: { fleet: 'default' } });
      const deletion = await request('DELETE', '/v1/fleets/default');
      return [back.body.code, deletion.body?.code];
    };
    expect(await refusals()).toEqual(['move_in_progress', 'move_in_progress']);
    await buckets.checkpoints.create(`publisher.west.${partition}`, {
      epoch: 1,
      seq: 0,
      gateways: { 'gw-1': { i, s: 3, g: 1 } },
    });
    expect(await refusals()).toEqual(['move_in_progress', 'move_in_progress']);
    // The same fleet again reminds the encoder.
    const before = announced.length;
    await request('PATCH', url, { body: { fleet: 'west' } });
    expect(announced).toHaveLength(before + 1);
    await buckets.checkpoints.create(`encoder._.${partition}`, {
      epoch: 1,
      seq: 9,
      gateways: { 'gw-1': { i, c: 3, s: 9, p: 1, g: 1 } },
    });
    expect((await request('GET', url)).body.movingFrom).toBeUndefined();
    expect((await request('PATCH', url, { body: { fleet: 'default' } })).body.movingFrom).toBe('west');
    expect(buckets.gateways.view.get('gw-1')!.value).toMatchObject({ movedFrom: 'west', moves: 2 });
    expect((await request('DELETE', '/v1/fleets/west')).body.code).toBe('move_in_progress');
  });

  it.each([
    [{ gatewayId: 'no spaces' }, ['/gatewayId']],
    [{}, ['/gatewayId']],
    [{ gatewayId: 'gw-1', fleet: 'nowhere' }, ['/fleet']],
    [{ gatewayId: 'gw-1', name: '', incarnation: 'mine' }, ['/incarnation', '/name']],
    [{ gatewayId: 7 }, ['/gatewayId']],
  ])('are not created from %j', async (body, pointers) => {
    const { request, withWorkspace } = await createHarness();
    await withWorkspace();
    const refused = await request('POST', '/v1/workspaces/acme/gateways', { body });
    expect(refused.status).toBe(422);
    expect(refused.body.errors.map((one: { pointer: string }) => one.pointer).sort()).toEqual(pointers);
  });

  it('are not created in a workspace that does not exist', async () => {
    const { request } = await createHarness();
    const refused = await request('POST', '/v1/workspaces/nowhere/gateways', { body: { gatewayId: 'gw-1' } });
    expect(refused.status).toBe(404);
  });

  it('step back when their fleet is deleted while they are registered', async () => {
    const { request, withWorkspace, buckets } = await createHarness();
    await withWorkspace();
    buckets.gateways.beforeNextWrite(async () => {
      expect((await request('DELETE', '/v1/fleets/default')).status).toBe(204);
    });
    const refused = await request('POST', '/v1/workspaces/acme/gateways', { body: { gatewayId: 'gw-1' } });
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, '/fleet']);
    expect(buckets.gateways.view.get('gw-1')).toBeUndefined();
  });

  it('show when they were last seen, and their firmware', async () => {
    const { request, withWorkspace, withGateway, buckets, clock } = await createHarness();
    await withWorkspace();
    const { url } = await withGateway();
    const { incarnation } = buckets.gateways.view.get('gw-1')!.value;
    const key = `encoder._.${partitionOf('gw-1', PARTITIONS)}`;
    const position = { i: incarnation, c: 1, s: 1, p: 1, t: clock.now() };
    await buckets.checkpoints.create(key, { epoch: 1, seq: 1, gateways: { 'gw-1': position } });
    await buckets.sensors.create('gw-1', { incarnation, firmwareVersion: '1.2.3', sensors: {} });
    const seen = { lastSeenAt: '2026-01-01T00:00:00.000Z', firmwareVersion: '1.2.3' };
    expect((await request('GET', url)).body).toMatchObject({ ...seen, online: true });
    await clock.advance(180_001);
    expect((await request('GET', url)).body).toMatchObject({ ...seen, online: false });
  });
});

describe('the list of gateways', () => {
  async function populated() {
    const harness = await createHarness();
    const { request, withWorkspace, withGateway, buckets } = harness;
    await withWorkspace('acme');
    await withWorkspace('other');
    await request('POST', '/v1/fleets', { body: { fleet: 'west' } });
    await request('POST', '/v1/workspaces/acme/gateways', {
      body: { gatewayId: 'a1', name: 'Great Hall', fleet: 'west' },
    });
    for (const id of ['a2', 'b1', 'b2']) {
      const { url, etag } = await withGateway(id);
      await request('PUT', `${url}/integrations/mqtt`, { body: { host: `${id[0]}.example` }, ifMatch: etag });
    }
    await withGateway('z9', 'other');
    const renewedAt = '2026-01-01T00:00:00.000Z';
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      await buckets.leases.create(`publisher.default.${partition}`, { instance: 'pub-1', nonce: 'n', renewedAt });
      await buckets.leases.create(`encoder._.${partition}`, { instance: 'enc-1', nonce: 'n', renewedAt });
    }
    const say = async (gatewayId: string, change: Parameters<typeof statusRecord>[0]) => {
      const { incarnation } = buckets.gateways.view.get(gatewayId)!.value;
      await buckets.status.create(gatewayId, statusRecord({ gatewayId, incarnation, ...change }));
    };
    await say('a2', {});
    await say('b1', { code: 'MQTT_ERROR_AUTH_FAILED', class: 'user', reason: 'bad_credentials' });
    return harness;
  }

  it.each([
    ['', ['a1', 'a2', 'b1', 'b2']],
    ['fleet=west', ['a1']],
    ['host=b.example', ['b1', 'b2']],
    ['q=B', ['b1', 'b2']],
    ['q=hall', ['a1']],
    ['code=MQTT_INFO_NO_ERR', ['a2']],
    ['class=user', ['b1']],
    ['class=pending', ['b2']],
    ['class=off', ['a1']],
    ['class=ok&q=b', []],
  ])('?%s', async (query, expected) => {
    const { request } = await populated();
    expect(ids(await request('GET', `/v1/workspaces/acme/gateways?${query}`))).toEqual(expected);
  });

  it('comes in pages, filtered as well', async () => {
    const { request } = await populated();
    const first = await request('GET', '/v1/workspaces/acme/gateways?limit=1&host=b.example');
    expect(ids(first)).toEqual(['b1']);
    const second = await request(
      'GET',
      `/v1/workspaces/acme/gateways?limit=1&host=b.example&cursor=${first.body.nextCursor}`,
    );
    expect([ids(second), second.body.nextCursor]).toEqual([['b2'], undefined]);
  });

  it('is not there for a workspace that is not', async () => {
    const { request } = await createHarness();
    expect((await request('GET', '/v1/workspaces/nowhere/gateways')).status).toBe(404);
  });

  it('shows each with host and status', async () => {
    const { request } = await populated();
    const [gateway] = (await request('GET', '/v1/workspaces/acme/gateways?q=a2')).body.items;
    expect(gateway).toMatchObject({
      host: 'a.example',
      status: { code: 'MQTT_INFO_NO_ERR', class: 'ok', active: true },
    });
  });

  it.each(['code=GREEN', 'class=good', 'fleet=No', 'q='])('refuses ?%s', async (query) => {
    const { request } = await populated();
    const refused = await request('GET', `/v1/workspaces/acme/gateways?${query}`);
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, query.split('=')[0]]);
  });
});
