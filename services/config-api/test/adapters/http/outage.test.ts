import { type ErrorCode, GatecastError } from '@gatecast/shared/errors';
import { describe, expect, it } from 'vitest';
import { createHarness } from '../../harness.ts';

const GATEWAY = '/v1/workspaces/acme/gateways/gw-1';

async function withoutStore(code: ErrorCode) {
  const harness = await createHarness();
  await harness.withWorkspace();
  const { etag } = await harness.withGateway();
  const failure = new GatecastError(code, 'the store failed', { retryable: true });
  for (const bucket of Object.values(harness.buckets)) bucket.failure = failure;
  return { ...harness, etag };
}

describe('while the store is away', () => {
  it('reads go on from memory', async () => {
    const { request, etag } = await withoutStore('NATS_UNAVAILABLE');
    const urls = ['/v1/workspaces', '/v1/fleets', '/v1/workspaces/acme/gateways', GATEWAY, `${GATEWAY}/sensors`];
    for (const url of [...urls, ...['', '/status', '/details'].map((one) => `${GATEWAY}/integrations/mqtt${one}`)]) {
      expect([url, (await request('GET', url)).status]).toEqual([url, 200]);
    }
    expect((await request('GET', GATEWAY)).etag).toBe(etag);
  });

  it.each([
    ['NATS_UNAVAILABLE', 'unavailable'],
    ['STREAM_MISSING', 'unavailable'],
    ['STORAGE_FULL', 'storage_full'],
    ['OUTCOME_UNKNOWN', 'outcome_unknown'],
  ] as const)('writes answer 503 with Retry-After: %s', async (code, expected) => {
    const { request, etag } = await withoutStore(code);
    const writes = [
      await request('POST', '/v1/workspaces', { body: { workspace: 'new' } }),
      await request('POST', '/v1/fleets', { body: { fleet: 'new' } }),
      await request('POST', '/v1/workspaces/acme/gateways', { body: { gatewayId: 'gw-2' } }),
      await request('PATCH', GATEWAY, { body: { name: 'x' } }),
      await request('DELETE', GATEWAY),
      await request('PUT', `${GATEWAY}/integrations/mqtt`, { body: { host: 'b.example' }, ifMatch: etag }),
      await request('PUT', `${GATEWAY}/sensors/A`, { body: { name: 'x' } }),
    ];
    for (const answer of writes) {
      expect([answer.status, answer.body.code]).toEqual([503, expected]);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect(writes[0]?.body.detail !== undefined).toBe(expected === 'outcome_unknown');
  });

  it('what nobody expected is a 500 without details, and a line in the log', async () => {
    const { request, buckets, logLines, withWorkspace } = await createHarness();
    await withWorkspace();
    buckets.workspaces.failure = new GatecastError('NATS_PERMISSION', 'the user config-api may not do that');
    const answer = await request('POST', '/v1/workspaces', { body: { workspace: 'new' } });
    expect([answer.status, answer.body.code]).toEqual([500, 'internal_error']);
    expect(answer.text).not.toContain('may not do that');
    expect(logLines.some((line) => line.includes('NATS_PERMISSION'))).toBe(true);
  });
});

describe('unknown places', () => {
  it('answer 404 as problem details', async () => {
    const { request } = await createHarness();
    const answer = await request('GET', '/v2/nowhere');
    expect([answer.status, answer.body.code]).toEqual([404, 'not_found']);
  });
});
