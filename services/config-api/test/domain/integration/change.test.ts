import type { IntegrationSettings } from '@gatecast/shared/model';
import { describe, expect, it } from 'vitest';
import {
  initialIntegration,
  patchIntegration,
  readableSettings,
  replaceIntegration,
} from '../../../src/domain/integration/change.ts';

const stored: IntegrationSettings = {
  host: 'broker.example',
  username: 'user',
  qos: 2,
  tls: { enabled: true, clientCertificate: 'CERT', caCertificate: 'CA' },
  advanced: { layoutVersion: 1, inFlight: 5 },
  sealed: { password: 'JWE-P', 'tls.clientKey': 'JWE-K' },
  clientKeyFingerprint: 'ab',
};
const keep = { kind: 'keep' };
const remove = { kind: 'remove' };
const set = (secret: string) => ({ kind: 'set', secret });

describe('replaceIntegration', () => {
  it('resets what is left out', () => {
    const { settings } = replaceIntegration(stored, { host: 'other.example', username: 'user' });
    expect(settings).toEqual({ host: 'other.example', username: 'user', advanced: { layoutVersion: 1 } });
  });

  it('keeps secrets that are left out, as a client that read the settings must leave them out', () => {
    const echoed = readableSettings(stored);
    expect(replaceIntegration(stored, echoed)).toEqual({
      settings: echoed,
      secrets: { password: keep, 'tls.clientKey': keep },
    });
  });

  it('takes new secrets, and removes those that are null', () => {
    const body = { ...readableSettings(stored), password: 'new', tls: { clientCertificate: 'C', clientKey: null } };
    const { settings, secrets } = replaceIntegration(stored, body);
    expect(secrets).toEqual({ password: set('new'), 'tls.clientKey': remove });
    expect(JSON.stringify(settings)).not.toContain('new');
    expect(settings.tls).toEqual({ clientCertificate: 'C' });
  });

  it('lets secrets go with what they belong to', () => {
    const { secrets } = replaceIntegration(stored, { host: 'broker.example' });
    expect(secrets).toEqual({ password: remove, 'tls.clientKey': remove });
  });

  it('keeps a password that never had a user name', () => {
    const tokenOnly: IntegrationSettings = { protocolVersion: '5', sealed: { password: 'JWE' } };
    expect(replaceIntegration(tokenOnly, { protocolVersion: '5' }).secrets.password).toEqual(keep);
  });

  it('has nothing to keep where nothing is stored', () => {
    expect(replaceIntegration({}, { username: 'user' }).secrets).toEqual({ password: remove, 'tls.clientKey': remove });
  });
});

describe('patchIntegration', () => {
  it('keeps what is absent, secrets included', () => {
    expect(patchIntegration(stored, {})).toEqual({
      settings: readableSettings(stored),
      secrets: { password: keep, 'tls.clientKey': keep },
    });
  });

  it('removes what is null, and sets what is given', () => {
    const { settings, secrets } = patchIntegration(stored, {
      qos: null,
      password: 'new',
      tls: { caCertificate: null },
    });
    expect(settings).toEqual({
      host: 'broker.example',
      username: 'user',
      tls: { enabled: true, clientCertificate: 'CERT' },
      advanced: { layoutVersion: 1, inFlight: 5 },
    });
    expect(secrets).toEqual({ password: set('new'), 'tls.clientKey': keep });
  });

  it.each([
    ['tls null', { tls: null }],
    ['its certificate null', { tls: { clientCertificate: null } }],
    ['itself null', { tls: { clientKey: null } }],
  ])('removes the client key with %s', (_what, patch) => {
    expect(patchIntegration(stored, patch).secrets['tls.clientKey']).toEqual(remove);
  });

  it('removes the password with its user name', () => {
    expect(patchIntegration(stored, { username: null }).secrets.password).toEqual(remove);
    expect(patchIntegration(stored, { username: null, password: 'stays' }).secrets.password).toEqual(set('stays'));
    expect(patchIntegration(stored, { username: 'another' }).secrets.password).toEqual(keep);
  });
});

describe('layout version', () => {
  it('is fixed at creation and survives every write that does not name it', () => {
    const live: IntegrationSettings = { advanced: { layoutVersion: 1, inFlight: 5 } };
    expect(initialIntegration()).toEqual({ advanced: { layoutVersion: 1 } });
    expect(replaceIntegration(live, {}).settings).toEqual({ advanced: { layoutVersion: 1 } });
    expect(patchIntegration(live, { advanced: null }).settings).toEqual({ advanced: { layoutVersion: 1 } });
    expect(patchIntegration(live, { advanced: { layoutVersion: null } }).settings).toEqual(live);
  });
});
