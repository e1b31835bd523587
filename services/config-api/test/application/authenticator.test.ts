import type { WorkspaceRecord } from '@gatecast/shared/model';
import { InMemoryKv, ManualClock } from '@gatecast/shared/testing';
import { describe, expect, it } from 'vitest';
import { Authenticator } from '../../src/application/authenticator.ts';
import { type ApiKeyRecord, hashToken } from '../../src/domain/access/api-key.ts';

const record = (change: Partial<ApiKeyRecord> = {}): ApiKeyRecord => ({
  id: 'k1',
  workspace: 'acme',
  name: 'ci',
  scopes: ['workspace:acme:read'],
  hash: hashToken('secret-1'),
  createdAt: '2026-01-01T00:00:00.000Z',
  ...change,
});

async function setUp(bootstrapApiKey?: string) {
  const apiKeys = new InMemoryKv<ApiKeyRecord>();
  const workspaces = new InMemoryKv<WorkspaceRecord>();
  await workspaces.create('acme', { workspace: 'acme', createdAt: '2026-01-01T00:00:00.000Z' });
  await apiKeys.create('k1', record());
  const clock = new ManualClock();
  const authenticator = new Authenticator({
    apiKeys: apiKeys.view,
    workspaces: workspaces.view,
    bootstrapApiKey,
    clock,
  });
  return { apiKeys, workspaces, clock, authenticator };
}

describe('Authenticator', () => {
  it('knows stored keys, those from before its start and later ones, until they are deleted', async () => {
    const { apiKeys, authenticator } = await setUp();
    expect(authenticator.authenticate('secret-1')).toEqual({ id: 'k1', scopes: ['workspace:acme:read'] });
    expect(authenticator.authenticate('secret-2')).toBeUndefined();
    await apiKeys.create('k2', record({ id: 'k2', hash: hashToken('secret-2') }));
    expect(authenticator.authenticate('secret-2')?.id).toBe('k2');
    await apiKeys.delete('k1');
    expect(authenticator.authenticate('secret-1')).toBeUndefined();
  });

  it('knows the bootstrap key, when there is one', async () => {
    expect((await setUp('boot')).authenticator.authenticate('boot')).toEqual({ id: 'bootstrap', scopes: ['admin'] });
    expect((await setUp()).authenticator.authenticate('undefined')).toBeUndefined();
    expect((await setUp()).authenticator.authenticate('')).toBeUndefined();
  });

  it('refuses keys that have expired', async () => {
    const { apiKeys, clock, authenticator } = await setUp();
    const expiresAt = new Date(clock.now() + 1_000).toISOString();
    await apiKeys.create('k2', record({ id: 'k2', hash: hashToken('short'), expiresAt }));
    expect(authenticator.authenticate('short')).toBeDefined();
    await clock.advance(1_000);
    expect(authenticator.authenticate('short')).toBeUndefined();
  });

  it('refuses keys of a workspace that is gone', async () => {
    const { workspaces, authenticator } = await setUp();
    await workspaces.delete('acme');
    expect(authenticator.authenticate('secret-1')).toBeUndefined();
  });
});
