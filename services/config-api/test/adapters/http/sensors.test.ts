import { describe, expect, it } from 'vitest';
import { createHarness } from '../../harness.ts';

const SENSORS = '/v1/workspaces/acme/gateways/gw-1/sensors';

async function withGateway() {
  const harness = await createHarness();
  await harness.withWorkspace();
  await harness.withGateway();
  return harness;
}

describe('sensors', () => {
  it('are named, changed and forgotten, each made known at once', async () => {
    const { request, announced } = await withGateway();
    const put = await request('PUT', `${SENSORS}/3002FA`, { body: { name: 'Door', group: 'Hall', groupId: '7' } });
    expect([put.status, put.body]).toEqual([200, { sensorId: '3002FA', name: 'Door', group: 'Hall', groupId: '7' }]);
    expect((await request('GET', `${SENSORS}/3002FA`)).body).toEqual(put.body);

    const patched = await request('PATCH', `${SENSORS}/3002FA`, { body: { group: null, productNumber: 'TDSPC0H3' } });
    expect(patched.body).toEqual({ sensorId: '3002FA', name: 'Door', groupId: '7', productNumber: 'TDSPC0H3' });
    const replaced = await request('PUT', `${SENSORS}/3002FA`, { body: { name: 'Window' } });
    expect(replaced.body).toEqual({ sensorId: '3002FA', name: 'Window' });

    expect((await request('DELETE', `${SENSORS}/3002FA`)).status).toBe(204);
    expect((await request('GET', `${SENSORS}/3002FA`)).status).toBe(404);
    expect((await request('DELETE', `${SENSORS}/3002FA`)).status).toBe(404);
    expect((await request('PATCH', `${SENSORS}/3002FA`, { body: { name: 'x' } })).status).toBe(404);
    expect(announced).toHaveLength(4);
  });

  it('are listed by id, in pages', async () => {
    const { request } = await withGateway();
    for (const id of ['C', 'A', 'B']) await request('PUT', `${SENSORS}/${id}`, { body: { name: `sensor ${id}` } });
    const first = await request('GET', `${SENSORS}?limit=2`);
    expect(first.body.items).toEqual([
      { sensorId: 'A', name: 'sensor A' },
      { sensorId: 'B', name: 'sensor B' },
    ]);
    expect((await request('GET', `${SENSORS}?limit=2&cursor=${first.body.nextCursor}`)).body.items).toHaveLength(1);
  });

  it('honour If-Match, and otherwise give way to what the gateway says of itself meanwhile', async () => {
    const { request, buckets } = await withGateway();
    const put = await request('PUT', `${SENSORS}/A`, { body: { name: 'one' } });
    buckets.sensors.beforeNextWrite(async () => {
      const current = buckets.sensors.view.get('gw-1')!;
      const sensors = { ...current.value.sensors, B: { name: 'from the gateway' } };
      await buckets.sensors.update('gw-1', { ...current.value, firmwareVersion: '2', sensors }, current.revision);
    });
    expect((await request('PATCH', `${SENSORS}/A`, { body: { name: 'two' } })).status).toBe(200);
    expect(buckets.sensors.view.get('gw-1')!.value).toMatchObject({
      firmwareVersion: '2',
      sensors: { A: { name: 'two' }, B: { name: 'from the gateway' } },
    });
    expect((await request('PATCH', `${SENSORS}/A`, { body: { name: 'three' }, ifMatch: put.etag })).status).toBe(412);
  });

  it('of a former life do not count', async () => {
    const { request, buckets } = await withGateway();
    await buckets.sensors.create('gw-1', {
      incarnation: 'life-0',
      firmwareVersion: '1',
      sensors: { A: { name: 'old' } },
    });
    expect((await request('GET', SENSORS)).body.items).toEqual([]);
    expect((await request('GET', `${SENSORS}/A`)).status).toBe(404);
    await request('PUT', `${SENSORS}/B`, { body: { name: 'new' } });
    expect(buckets.sensors.view.get('gw-1')!.value.sensors).toEqual({ B: { name: 'new' } });
    expect(buckets.sensors.view.get('gw-1')!.value.firmwareVersion).toBeUndefined();
  });

  it('may be called like a property of every object', async () => {
    const { request } = await withGateway();
    expect((await request('GET', `${SENSORS}/constructor`)).status).toBe(404);
    expect((await request('PUT', `${SENSORS}/constructor`, { body: { name: 'C' } })).status).toBe(200);
    expect((await request('GET', `${SENSORS}/constructor`)).body.name).toBe('C');
  });

  it.each([
    [{ name: '' }, '/name'],
    [{ name: 7 }, '/name'],
    [{ name: 'x'.repeat(129) }, '/name'],
    [{ colour: 'red' }, '/colour'],
  ])('are refused as %.40j', async (body, pointer) => {
    const { request } = await withGateway();
    const refused = await request('PUT', `${SENSORS}/A`, { body });
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, pointer]);
  });

  it('are limited', async () => {
    const { request, buckets } = await withGateway();
    const { incarnation } = buckets.gateways.view.get('gw-1')!.value;
    const sensors = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`S${index}`, {}]));
    await buckets.sensors.create('gw-1', { incarnation, sensors });
    const refused = await request('PUT', `${SENSORS}/one-more`, { body: { name: 'x' } });
    expect([refused.status, refused.body.code]).toEqual([409, 'too_many_sensors']);
    expect((await request('PUT', `${SENSORS}/S7`, { body: { name: 'x' } })).status).toBe(200);
  });

  it('belong to a gateway of the workspace', async () => {
    const { request, withWorkspace, withGateway: register } = await withGateway();
    await withWorkspace('other');
    await register('gw-2', 'other');
    for (const gateway of ['gw-2', 'gw-3']) {
      const url = `/v1/workspaces/acme/gateways/${gateway}/sensors`;
      expect((await request('GET', url)).status).toBe(404);
      expect((await request('PUT', `${url}/A`, { body: { name: 'x' } })).status).toBe(404);
    }
  });
});
