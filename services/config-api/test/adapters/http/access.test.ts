import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance } from 'fastify';
import { describe, expect, it } from 'vitest';
import { requireApiKeys } from '../../../src/adapters/http/access.ts';
import { createHarness } from '../../harness.ts';

/** Everything that is registered, read from the router's own drawing of its tree. */
async function registeredRoutes(app: FastifyInstance): Promise<{ method: 'GET'; url: string }[]> {
  await app.ready();
  const routes: { method: 'GET'; url: string }[] = [];
  const ancestors: string[] = [];
  for (const line of app.printRoutes({ commonPrefix: false }).split('\n')) {
    const match = /^([│ ]*)[├└]── (\S+) \(([A-Z, ]+)\)$/.exec(line);
    if (!match) continue;
    const [, indent = '', segment = '', methods = ''] = match;
    const depth = indent.length / 4;
    ancestors.splice(depth, ancestors.length, segment);
    const url = ancestors.join('');
    for (const method of methods.split(', ')) routes.push({ method: method as 'GET', url });
  }
  return routes;
}

const isPublic = (url: string) => url === '/openapi.json' || url === '/docs' || url.startsWith('/docs/');

describe('every route', () => {
  it('answers 401 without a key, but for the description of the API', async () => {
    const { app } = await createHarness();
    const guarded = (await registeredRoutes(app)).filter(({ url }) => !isPublic(url));
    expect(guarded.length).toBeGreaterThan(40);
    for (const { method, url } of guarded) {
      const answer = await app.inject({ method, url: url.replace(/\/:\w+/g, '/x') });
      const seen = [method, url, answer.statusCode, answer.headers['www-authenticate']];
      expect(seen).toEqual([method, url, 401, 'Bearer']);
    }
  });

  it('answers 401 with a key that nobody has, before it looks at the body', async () => {
    const { request } = await createHarness();
    for (const key of ['nobody', 'gck_nobody', '']) {
      const answer = await request('POST', '/v1/workspaces', { key, body: '{ not even JSON' });
      expect(answer.status).toBe(401);
      expect(answer.body).toMatchObject({ code: 'unauthenticated', status: 401 });
    }
  });

  it('is not registered without saying whom it is for', async () => {
    const app = Fastify();
    await app.register(rateLimit, { global: false });
    const authenticator = { authenticate: () => undefined };
    requireApiKeys(app, { authenticator, authFailuresPerMinute: 1, onAuthFailure: () => {} });
    expect(() => app.get('/v1/new', async () => 'hello')).toThrow(/does not say whom it is for/);
    expect(() => app.get('/v1/open', { config: { access: 'public' } }, async () => 'hello')).toThrow(TypeError);
  });

  it('shows the description of the API to everybody', async () => {
    const { request } = await createHarness();
    expect((await request('GET', '/openapi.json', { key: null })).status).toBe(200);
    expect((await request('GET', '/docs', { key: null })).status).toBe(200);
    expect((await request('GET', '/docs/static/swagger-ui-bundle.js', { key: null })).status).toBe(200);
  });
});

describe('a key of a workspace', () => {
  it('reads and writes as its scope says, and sees nothing of other workspaces', async () => {
    const { request, withWorkspace, withGateway, keyWith } = await createHarness();
    await withWorkspace('acme');
    await withWorkspace('other');
    await withGateway('gw-1', 'acme');
    await withGateway('gw-2', 'other');
    const reader = await keyWith('workspace:acme:read');
    const writer = await keyWith('workspace:acme:write');
    const body = { gatewayId: 'gw-9' };

    expect((await request('GET', '/v1/workspaces/acme/gateways/gw-1', { key: reader })).status).toBe(200);
    expect((await request('GET', '/v1/workspaces/acme/gateways/gw-1', { key: writer })).status).toBe(200);
    const refused = await request('POST', '/v1/workspaces/acme/gateways', { key: reader, body });
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
    expect((await request('POST', '/v1/workspaces/acme/gateways', { key: writer, body })).status).toBe(201);

    for (const key of [reader, writer]) {
      for (const url of [
        '/v1/workspaces/other',
        '/v1/workspaces/other/gateways',
        '/v1/workspaces/other/gateways/gw-2',
      ]) {
        expect((await request('GET', url, { key })).status).toBe(404);
      }
      expect((await request('GET', '/v1/workspaces/acme/gateways/gw-2', { key })).status).toBe(404);
      expect((await request('POST', '/v1/workspaces/other/gateways', { key, body })).status).toBe(404);
      expect((await request('GET', '/v1/fleets', { key })).status).toBe(403);
      expect((await request('POST', '/v1/workspaces', { key, body: { workspace: 'mine' } })).status).toBe(403);
      expect((await request('GET', '/v1/workspaces/acme/api-keys', { key })).status).toBe(403);
      const visible = await request('GET', '/v1/workspaces', { key });
      expect(visible.body.items.map((one: { workspace: string }) => one.workspace)).toEqual(['acme']);
    }
  });

  it('says the same of another workspace’s gateway as of one that does not exist', async () => {
    const { request, withWorkspace, withGateway, keyWith } = await createHarness();
    await withWorkspace('acme');
    await withWorkspace('other');
    await withGateway('gw-2', 'other');
    const key = await keyWith('workspace:acme:write');
    const theirs = await request('GET', '/v1/workspaces/acme/gateways/gw-2', { key });
    const nobodys = await request('GET', '/v1/workspaces/acme/gateways/gw-3', { key });
    expect(theirs.text).toBe(nobodys.text);
    for (const method of ['PATCH', 'DELETE'] as const) {
      const options = { key, ifMatch: '"1"', ...(method === 'PATCH' && { body: { name: 'mine' } }) };
      expect((await request(method, '/v1/workspaces/acme/gateways/gw-2', options)).status).toBe(404);
    }
  });
});

describe('failed authentications', () => {
  it('are limited per address, without locking out those who have a key', async () => {
    const { request } = await createHarness({ authFailuresPerMinute: 3 });
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      statuses.push((await request('GET', '/v1/workspaces', { key: `guess-${attempt}` })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    const limited = await request('GET', '/v1/workspaces', { key: null });
    expect(limited.body.code).toBe('too_many_failures');
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
    expect((await request('GET', '/v1/workspaces')).status).toBe(200);
  });

  it('leave no trace of the key that was tried', async () => {
    const { request, logLines } = await createHarness();
    const answer = await request('GET', '/v1/workspaces', { key: 'gck_nearly-right' });
    expect(answer.text + logLines.join('')).not.toContain('nearly-right');
  });
});
