import { describe, expect, it } from 'vitest';
import { createHarness } from '../../harness.ts';

describe('workspaces', () => {
  it('are created, read, renamed and deleted', async () => {
    const { request } = await createHarness();
    const created = await request('POST', '/v1/workspaces', { body: { workspace: 'acme', name: 'Acme' } });
    expect([created.status, created.headers.location]).toEqual([201, '/v1/workspaces/acme']);
    expect(created.body).toEqual({ workspace: 'acme', name: 'Acme', createdAt: '2026-01-01T00:00:00.000Z' });
    expect((await request('GET', '/v1/workspaces/acme')).body).toEqual(created.body);

    const renamed = await request('PATCH', '/v1/workspaces/acme', {
      body: { name: 'Acme Ltd' },
      ifMatch: created.etag,
    });
    expect(renamed.body.name).toBe('Acme Ltd');
    expect((await request('PATCH', '/v1/workspaces/acme', { body: {}, ifMatch: created.etag })).status).toBe(412);
    const cleared = await request('PATCH', '/v1/workspaces/acme', { body: { name: null } });
    expect('name' in cleared.body).toBe(false);

    expect((await request('DELETE', '/v1/workspaces/acme')).status).toBe(204);
    expect((await request('GET', '/v1/workspaces/acme')).status).toBe(404);
    expect((await request('DELETE', '/v1/workspaces/acme')).status).toBe(404);
  });

  it('refuse a name that is taken, and one that is none', async () => {
    const { request } = await createHarness();
    await request('POST', '/v1/workspaces', { body: { workspace: 'acme' } });
    const again = await request('POST', '/v1/workspaces', { body: { workspace: 'acme' } });
    expect([again.status, again.body.code]).toEqual([409, 'workspace_exists']);
    const wrong = await request('POST', '/v1/workspaces', { body: { workspace: 'No Slug', colour: 'red' } });
    expect(wrong.status).toBe(422);
    expect(wrong.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(wrong.body.errors.map((one: { pointer: string }) => one.pointer).sort()).toEqual(['/colour', '/workspace']);
  });

  it('stay while they have gateways', async () => {
    const { request, withWorkspace, withGateway } = await createHarness();
    await withWorkspace();
    const { url } = await withGateway();
    const refused = await request('DELETE', '/v1/workspaces/acme');
    expect([refused.status, refused.body.code]).toEqual([409, 'workspace_not_empty']);
    await request('DELETE', url);
    expect((await request('DELETE', '/v1/workspaces/acme')).status).toBe(204);
  });

  it('take their keys along, so that none opens a later workspace of the same name', async () => {
    const { request, withWorkspace, keyWith } = await createHarness();
    await withWorkspace();
    const key = await keyWith('workspace:acme:write');
    await request('DELETE', '/v1/workspaces/acme');
    await request('POST', '/v1/workspaces', { body: { workspace: 'acme' } });
    expect((await request('GET', '/v1/workspaces/acme', { key })).status).toBe(401);
    expect((await request('GET', '/v1/workspaces/acme/api-keys')).body.items).toEqual([]);
  });

  it('come in pages', async () => {
    const { request } = await createHarness();
    for (const workspace of ['c', 'a', 'b']) await request('POST', '/v1/workspaces', { body: { workspace } });
    const first = await request('GET', '/v1/workspaces?limit=2');
    expect(first.body.items.map((one: { workspace: string }) => one.workspace)).toEqual(['a', 'b']);
    const second = await request('GET', `/v1/workspaces?limit=2&cursor=${first.body.nextCursor}`);
    expect(second.body.items.map((one: { workspace: string }) => one.workspace)).toEqual(['c']);
    expect('nextCursor' in second.body).toBe(false);
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=501', 'limit'],
    ['limit=x', 'limit'],
    ['cursor=%25', 'cursor'],
    ['colour=red', 'colour'],
  ])('refuse ?%s', async (query, pointer) => {
    const { request } = await createHarness();
    const refused = await request('GET', `/v1/workspaces?${query}`);
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toEqual([{ pointer, message: expect.any(String) }]);
  });
});

describe('fleets', () => {
  it('come with their streams, and go with them', async () => {
    const { request, streams } = await createHarness();
    const created = await request('POST', '/v1/fleets', { body: { fleet: 'west', description: 'Riga' } });
    expect([created.status, created.headers.location]).toEqual([201, '/v1/fleets/west']);
    expect([...streams.existing]).toEqual(['west']);
    const changed = await request('PATCH', '/v1/fleets/west', { body: { description: null } });
    expect(changed.body).toEqual({ fleet: 'west', createdAt: '2026-01-01T00:00:00.000Z' });
    expect((await request('GET', '/v1/fleets')).body.items).toEqual([changed.body]);
    expect((await request('DELETE', '/v1/fleets/west')).status).toBe(204);
    expect([...streams.existing]).toEqual([]);
    expect((await request('GET', '/v1/fleets/west')).status).toBe(404);
  });

  it('refuse a name that is taken', async () => {
    const { request } = await createHarness();
    await request('POST', '/v1/fleets', { body: { fleet: 'west' } });
    const again = await request('POST', '/v1/fleets', { body: { fleet: 'west' } });
    expect([again.status, again.body.code]).toEqual([409, 'fleet_exists']);
  });

  it('are not there when their streams could not be created', async () => {
    const { request, streams } = await createHarness();
    const { GatecastError } = await import('@gatecast/shared/errors');
    streams.failure = new GatecastError('STORAGE_FULL', 'no room', { retryable: true });
    const refused = await request('POST', '/v1/fleets', { body: { fleet: 'west' } });
    expect([refused.status, refused.body.code, refused.headers['retry-after']]).toEqual([503, 'storage_full', '30']);
    expect((await request('GET', '/v1/fleets/west')).status).toBe(404);
    streams.failure = undefined;
    expect((await request('POST', '/v1/fleets', { body: { fleet: 'west' } })).status).toBe(201);
  });

  it('stay while they have gateways', async () => {
    const { request, withWorkspace, withGateway } = await createHarness();
    await withWorkspace();
    await withGateway();
    const refused = await request('DELETE', '/v1/fleets/default');
    expect([refused.status, refused.body.code]).toEqual([409, 'fleet_not_empty']);
  });

  it('stay while the deployment has publishers for them, and say so', async () => {
    const { request } = await createHarness({ declaredFleets: ['west'] });
    await request('POST', '/v1/fleets', { body: { fleet: 'east' } });
    await request('POST', '/v1/fleets', { body: { fleet: 'west' } });
    const { items } = (await request('GET', '/v1/fleets')).body;
    expect(items).toMatchObject([
      { fleet: 'east', declared: false },
      { fleet: 'west', declared: true },
    ]);
    const refused = await request('DELETE', '/v1/fleets/west');
    expect([refused.status, refused.body.code]).toEqual([409, 'fleet_declared']);
    expect((await request('DELETE', '/v1/fleets/east')).status).toBe(204);
  });
});

describe('API keys', () => {
  it('are shown once, listed without their secret, and refused after they are deleted', async () => {
    const { request, withWorkspace, buckets } = await createHarness();
    await withWorkspace();
    const body = { name: 'ci', scopes: ['workspace:acme:write'] };
    const created = await request('POST', '/v1/workspaces/acme/api-keys', { body });
    expect(created.status).toBe(201);
    const { key, ...shown } = created.body;
    expect(key).toMatch(/^gck_/);
    expect(shown).toEqual({ id: shown.id, workspace: 'acme', ...body, createdAt: '2026-01-01T00:00:00.000Z' });
    expect((await request('GET', '/v1/workspaces/acme/api-keys')).body).toEqual({ items: [shown] });
    expect((await request('GET', `/v1/workspaces/acme/api-keys/${shown.id}`)).body).toEqual(shown);
    expect(JSON.stringify([...buckets.apiKeys.view.entries()])).not.toContain(key);

    expect((await request('GET', '/v1/workspaces/acme', { key })).status).toBe(200);
    expect((await request('DELETE', `/v1/workspaces/acme/api-keys/${shown.id}`)).status).toBe(204);
    expect((await request('GET', '/v1/workspaces/acme', { key })).status).toBe(401);
  });

  it('expire', async () => {
    const { request, withWorkspace, clock } = await createHarness();
    await withWorkspace();
    const body = { name: 'ci', scopes: ['workspace:acme:read'], expiresAt: '2026-01-01T02:00:00+01:00' };
    const { key, id, expiresAt } = (await request('POST', '/v1/workspaces/acme/api-keys', { body })).body;
    expect(expiresAt).toBe('2026-01-01T01:00:00.000Z');
    await clock.advance(3_599_999);
    expect((await request('GET', '/v1/workspaces/acme', { key })).status).toBe(200);
    await clock.advance(1);
    expect((await request('GET', '/v1/workspaces/acme', { key })).status).toBe(401);
    const url = `/v1/workspaces/acme/api-keys/${id}`;
    const extended = await request('PATCH', url, { body: { expiresAt: null, name: 'ci 2' } });
    expect(extended.body).toMatchObject({ name: 'ci 2' });
    expect('expiresAt' in extended.body).toBe(false);
    expect((await request('GET', '/v1/workspaces/acme', { key })).status).toBe(200);
  });

  it.each([
    [{ scopes: ['workspace:other:read'] }, ['/scopes/0']],
    [{ scopes: ['workspace:acme:read', 'workspace:other:write'] }, ['/scopes/1']],
    [{ scopes: ['admin'] }, ['/scopes/0']],
    [{ scopes: [] }, ['/scopes']],
    [{ expiresAt: '2025-12-31T00:00:00Z' }, ['/expiresAt']],
    [{ expiresAt: '2026-13-45T00:00:00Z' }, ['/expiresAt']],
    [{ expiresAt: 'tomorrow' }, ['/expiresAt']],
    [{ name: '' }, ['/name']],
    [{ hash: 'x' }, ['/hash']],
  ])('are not created with %j', async (change, pointers) => {
    const { request, withWorkspace } = await createHarness();
    await withWorkspace();
    const body = { name: 'ci', scopes: ['workspace:acme:read'], ...change };
    const refused = await request('POST', '/v1/workspaces/acme/api-keys', { body });
    expect(refused.status).toBe(422);
    expect(refused.body.errors.map((one: { pointer: string }) => one.pointer)).toEqual(pointers);
  });

  it('belong to one workspace', async () => {
    const { request, withWorkspace, keyWith } = await createHarness();
    await withWorkspace('acme');
    await withWorkspace('other');
    await keyWith('workspace:other:read');
    const [theirs] = (await request('GET', '/v1/workspaces/other/api-keys')).body.items;
    expect((await request('GET', `/v1/workspaces/acme/api-keys/${theirs.id}`)).status).toBe(404);
    expect((await request('DELETE', `/v1/workspaces/acme/api-keys/${theirs.id}`)).status).toBe(404);
    expect((await request('GET', '/v1/workspaces/nobody/api-keys')).status).toBe(404);
  });

  it('keep a name', async () => {
    const { request, withWorkspace, keyWith } = await createHarness();
    await withWorkspace();
    await keyWith('workspace:acme:read');
    const [{ id }] = (await request('GET', '/v1/workspaces/acme/api-keys')).body.items;
    const refused = await request('PATCH', `/v1/workspaces/acme/api-keys/${id}`, { body: { name: null } });
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, '/name']);
  });
});
