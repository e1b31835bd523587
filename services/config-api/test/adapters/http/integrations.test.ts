import { GatecastError } from '@gatecast/shared/errors';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Credentials, issueCredentials } from '../../domain/integration/credentials.ts';
import { createHarness, type Harness } from '../../harness.ts';

let credentials: Credentials;

beforeAll(async () => {
  credentials = await issueCredentials();
});

const MQTT = '/v1/workspaces/acme/gateways/gw-1/integrations/mqtt';

async function withGateway(): Promise<Harness & { etag: string }> {
  const harness = await createHarness();
  await harness.withWorkspace();
  const { etag } = await harness.withGateway();
  return { ...harness, etag };
}

const pointers = (answer: { body: { errors: { pointer: string }[] } }) =>
  answer.body.errors.map(({ pointer }) => pointer);

describe('the MQTT settings', () => {
  it('are read, replaced and patched, each answer with the next ETag', async () => {
    const { request, etag, announced } = await withGateway();
    const read = await request('GET', MQTT);
    expect(read.body).toEqual({ advanced: { layoutVersion: 1 }, passwordSet: false, fingerprints: {} });
    expect(read.etag).toBe(etag);

    const put = await request('PUT', MQTT, {
      body: { host: 'broker.example', qos: 2, will: { retain: false } },
      ifMatch: etag,
    });
    expect(put.status).toBe(200);
    expect(put.body).toMatchObject({ host: 'broker.example', qos: 2, will: { retain: false } });
    expect((await request('GET', MQTT)).body).toEqual(put.body);

    const patch = await request('PATCH', MQTT, {
      body: { qos: null, will: { qos: 0 }, rootTopic: 'site/7' },
      ifMatch: put.etag,
      contentType: 'application/merge-patch+json',
    });
    expect(patch.body).toMatchObject({ host: 'broker.example', rootTopic: 'site/7', will: { retain: false, qos: 0 } });
    expect('qos' in patch.body).toBe(false);
    expect(Number(JSON.parse(patch.etag))).toBeGreaterThan(Number(JSON.parse(put.etag)));
    expect(announced.map(({ mqtt }) => mqtt.rootTopic)).toEqual([undefined, 'site/7']);
  });

  it('can be sent back as they were read', async () => {
    const { request, etag } = await withGateway();
    const { ca, client } = credentials;
    const tls = { enabled: true, caCertificate: ca, clientCertificate: client.certificate, clientKey: client.key };
    const body = { host: 'broker.example', username: 'user', password: 'hush', tls };
    const put = await request('PUT', MQTT, { body, ifMatch: etag });
    const again = await request('PUT', MQTT, { body: put.body, ifMatch: put.etag });
    expect(again.status).toBe(200);
    expect(again.body).toEqual(put.body);
    expect(again.body).toMatchObject({
      passwordSet: true,
      fingerprints: { clientKey: { sha256: expect.any(String) } },
    });
  });

  it('are only written with If-Match, and only as they were seen', async () => {
    const { request, etag } = await withGateway();
    for (const method of ['PUT', 'PATCH'] as const) {
      const without = await request(method, MQTT, { body: { host: 'x.example' } });
      expect([without.status, without.body.code]).toEqual([428, 'if_match_required']);
      for (const ifMatch of ['"9999"', `W/${etag}`, 'nonsense']) {
        const stale = await request(method, MQTT, { body: { host: 'x.example' }, ifMatch });
        expect([stale.status, stale.body.code]).toEqual([412, 'stale_revision']);
      }
    }
    expect((await request('PATCH', MQTT, { body: { host: 'x.example' }, ifMatch: '*' })).status).toBe(200);
  });

  it('are not overwritten when another writer comes between', async () => {
    const { request, etag, buckets } = await withGateway();
    buckets.gateways.beforeNextWrite(async () => {
      const current = buckets.gateways.view.get('gw-1')!;
      await buckets.gateways.update('gw-1', { ...current.value, name: 'faster' }, current.revision);
    });
    const late = await request('PATCH', MQTT, { body: { host: 'x.example' }, ifMatch: etag });
    expect([late.status, late.body.code]).toEqual([412, 'stale_revision']);
    expect(buckets.gateways.view.get('gw-1')!.value).toMatchObject({ name: 'faster', mqtt: {} });
  });

  it('seal secrets for the publishers, and show that there are some', async () => {
    const { request, etag, buckets, opener } = await withGateway();
    const { client } = credentials;
    const tls = { enabled: true, clientCertificate: client.certificate, clientKey: client.key };
    const put = await request('PUT', MQTT, {
      body: { host: 'b.example', username: 'u', password: 'hush', tls },
      ifMatch: etag,
    });
    expect(put.status).toBe(200);
    expect(put.body.passwordSet).toBe(true);
    expect(put.body.tls).toEqual({ enabled: true, clientCertificate: client.certificate });
    const { sealed, clientKeyFingerprint } = buckets.gateways.view.get('gw-1')!.value.mqtt;
    expect(await opener.open('gw-1', 'password', sealed!.password!)).toBe('hush');
    expect(await opener.open('gw-1', 'tls.clientKey', sealed!['tls.clientKey']!)).toBe(client.key);
    expect(put.body.fingerprints.clientKey).toEqual({ sha256: clientKeyFingerprint });
  });

  it('keep secrets that are left out, and remove them by null or with what they belong to', async () => {
    const { request, etag, buckets } = await withGateway();
    const sealed = () => buckets.gateways.view.get('gw-1')!.value.mqtt.sealed;
    const body = { host: 'b.example', username: 'u', password: 'hush' };
    const put = await request('PUT', MQTT, { body, ifMatch: etag });
    const before = sealed();
    const kept = await request('PUT', MQTT, { body: { host: 'c.example', username: 'u' }, ifMatch: put.etag });
    expect([kept.body.passwordSet, sealed()]).toEqual([true, before]);
    const removed = await request('PATCH', MQTT, { body: { password: null }, ifMatch: kept.etag });
    expect([removed.body.passwordSet, sealed()]).toEqual([false, undefined]);

    const again = await request('PATCH', MQTT, { body: { password: 'hush' }, ifMatch: removed.etag });
    const gone = await request('PATCH', MQTT, { body: { username: null }, ifMatch: again.etag });
    expect([gone.status, gone.body.passwordSet, sealed()]).toEqual([200, false, undefined]);
  });

  it('check a new certificate against the sealed key', async () => {
    const { request, etag } = await withGateway();
    const { client, otherClient } = credentials;
    const tls = { enabled: true, clientCertificate: client.certificate, clientKey: client.key };
    const put = await request('PUT', MQTT, { body: { host: 'b.example', tls }, ifMatch: etag });
    const wrong = await request('PATCH', MQTT, {
      body: { tls: { clientCertificate: otherClient.certificate } },
      ifMatch: put.etag,
    });
    expect([wrong.status, pointers(wrong)]).toEqual([422, ['/tls/clientCertificate']]);
    const both = await request('PATCH', MQTT, {
      body: { tls: { clientCertificate: otherClient.certificate, clientKey: otherClient.key } },
      ifMatch: put.etag,
    });
    expect(both.status).toBe(200);
    expect(both.body.fingerprints.clientCertificate.subject).toBe('CN=gateway two');
  });

  it.each([
    ['types', { port: '1883', qos: 1.5, retain: 'yes' }, ['/port', '/qos', '/retain']],
    [
      'ranges',
      { port: 0, keepAliveSeconds: 4, measurementIntervalSeconds: 61 },
      ['/keepAliveSeconds', '/measurementIntervalSeconds', '/port'],
    ],
    ['unknown fields', { hots: 'x', tls: { cert: 'x' }, will: { colour: 1 } }, ['/hots', '/tls/cert', '/will/colour']],
    ['read-only secrets', { sealed: {}, clientKeyFingerprint: 'x' }, ['/clientKeyFingerprint', '/sealed']],
    ['choices', { format: 'xml', protocolVersion: 5, profile: 'gcp' }, ['/format', '/profile', '/protocolVersion']],
    ['rules', { enabled: true, rootTopic: 'a/#', password: 'p' }, ['/host', '/password', '/rootTopic']],
    [
      'a profile',
      { host: 'h.example', profile: 'azure-iot-hub', qos: 2 },
      ['/qos', '/tls/enabled', '/will/retain', '/will/topic'],
    ],
  ])('name every field that is wrong: %s', async (_what, body, expected) => {
    const { request, etag } = await withGateway();
    for (const method of ['PUT', 'PATCH'] as const) {
      const refused = await request(method, MQTT, { body, ifMatch: etag });
      expect([method, refused.status, [...new Set(pointers(refused))].sort()]).toEqual([method, 422, expected]);
      expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
    }
    expect((await request('GET', MQTT)).etag).toBe(etag);
  });

  it('convert nothing and fill in nothing', async () => {
    const { request, etag, buckets } = await withGateway();
    await request('PUT', MQTT, { body: { host: 'b.example' }, ifMatch: etag });
    expect(buckets.gateways.view.get('gw-1')!.value.mqtt).toEqual({
      host: 'b.example',
      advanced: { layoutVersion: 1 },
    });
    expect((await request('PUT', MQTT, { body: { host: null }, ifMatch: '*' })).status).toBe(422);
  });

  it.each([
    ['text/plain', '{}', 415],
    ['application/json', '{', 400],
    ['application/json', '', 400],
    ['application/json', '[]', 422],
    ['application/merge-patch+json', '{', 400],
    ['application/json', '{"__proto__":{"host":"x"}}', 400],
  ])('refuse %s %j', async (contentType, body, status) => {
    const { request, etag } = await withGateway();
    const refused = await request('PATCH', MQTT, { body, contentType, ifMatch: etag });
    expect(refused.status).toBe(status);
    expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
  });

  it('take no offence at a content type without content, where none is expected', async () => {
    const { request } = await withGateway();
    const url = MQTT.replace('/integrations/mqtt', '');
    expect((await request('POST', `${url}/ingest-token`, { body: '' })).status).toBe(201);
    expect((await request('DELETE', url, { body: '' })).status).toBe(204);
    expect((await request('DELETE', url, { body: '{' })).status).toBe(400);
  });

  it('refuse a body over 256 KiB', async () => {
    const { request, etag } = await withGateway();
    const refused = await request('PUT', MQTT, { body: { username: 'x'.repeat(256 * 1024) }, ifMatch: etag });
    expect([refused.status, refused.body.code]).toEqual([413, 'body_too_large']);
  });
});

describe('client ids', () => {
  async function twoGateways() {
    const harness = await createHarness();
    await harness.withWorkspace('acme');
    await harness.withWorkspace('other');
    const one = await harness.withGateway('gw-1', 'acme');
    const two = await harness.withGateway('gw-2', 'other');
    const write = (gateway: typeof one, body: object) =>
      harness.request('PATCH', `${gateway.url}/integrations/mqtt`, { body, ifMatch: '*' });
    return { one, two, write };
  }

  it('are unique per host in the deployment, whoever has them', async () => {
    const { one, two, write } = await twoGateways();
    expect((await write(one, { host: 'b.example', clientId: 'shared' })).status).toBe(200);
    const refused = await write(two, { host: 'B.example.', clientId: 'shared', port: 8883 });
    expect([refused.status, refused.body.code, pointers(refused)]).toEqual([409, 'client_id_in_use', ['/clientId']]);
    expect(refused.text).not.toMatch(/gw-1|acme/);
    expect((await write(two, { host: 'c.example', clientId: 'shared' })).status).toBe(200);
    expect((await write(two, { host: 'b.example' })).status).toBe(409);
  });

  it('collide with another gateway’s default too', async () => {
    const { one, two, write } = await twoGateways();
    expect((await write(one, { host: 'b.example' })).status).toBe(200);
    expect((await write(two, { host: 'b.example', clientId: 'gw-1' })).status).toBe(409);
    expect((await write(one, { qos: 2 })).status).toBe(200);
  });

  it('are free while an integration is off, and checked when it is switched on', async () => {
    const { one, two, write } = await twoGateways();
    await write(one, { host: 'b.example', clientId: 'shared' });
    expect((await write(two, { host: 'b.example', clientId: 'shared', enabled: false })).status).toBe(200);
    expect((await write(two, { enabled: true })).status).toBe(409);
    await write(one, { enabled: false });
    expect((await write(two, { enabled: true })).status).toBe(200);
  });

  it('go to one of two writers that ask at the same moment', async () => {
    const { one, two, write } = await twoGateways();
    const answers = await Promise.all(
      [one, two].map((gateway) => write(gateway, { host: 'b.example', clientId: 'shared' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });
});

describe('secrets', () => {
  it('leave no trace in answers, errors or logs', async () => {
    const { request, etag, logLines, buckets } = await withGateway();
    const { client } = credentials;
    const password = 'correct-horse-battery-staple';
    const keyBody = client.key.split('\n')[1] ?? '';
    const tls = { enabled: true, clientCertificate: client.certificate, clientKey: client.key };
    const settings = { host: 'b.example', username: 'u', password, tls };
    const answers = [
      await request('PUT', MQTT, { body: settings, ifMatch: etag }),
      await request('GET', MQTT),
      await request('GET', `${MQTT}/details`),
      await request('GET', `${MQTT}/status`),
      await request('GET', '/v1/workspaces/acme/gateways'),
      // Wrong in every way that an answer could quote.
      await request('PUT', MQTT, { body: settings }),
      await request('PUT', MQTT, { body: settings, ifMatch: '"9999"' }),
      await request('PUT', MQTT, { body: { ...settings, port: 'x' }, ifMatch: '*' }),
      await request('PUT', MQTT, { body: { ...settings, password: [password] }, ifMatch: '*' }),
      await request('PUT', MQTT, { body: { ...settings, password: `${password}${'ä'.repeat(40_000)}` }, ifMatch: '*' }),
      await request('PUT', MQTT, {
        body: { ...settings, tls: { ...tls, clientKey: `${client.key.slice(0, 90)}x` } },
        ifMatch: '*',
      }),
      await request('PUT', MQTT, {
        body: { ...settings, tls: { ...tls, clientCertificate: client.certificate + client.key } },
        ifMatch: '*',
      }),
      await request('PUT', MQTT, { body: JSON.stringify(settings).slice(0, -5), ifMatch: '*' }),
      await request('PATCH', `${MQTT}/nowhere`, { body: settings }),
    ];
    buckets.gateways.failure = new GatecastError('OUTCOME_UNKNOWN', 'no answer', { retryable: true });
    answers.push(await request('PUT', MQTT, { body: settings, ifMatch: '*' }));
    expect(answers.map(({ status }) => status)).toEqual([
      200, 200, 200, 200, 200, 428, 412, 422, 422, 422, 422, 422, 400, 404, 503,
    ]);

    const everything =
      answers.map(({ text, headers }) => text + JSON.stringify(headers)).join('\n') + logLines.join('');
    expect(everything).not.toContain(password);
    expect(everything).not.toContain(keyBody);
    expect(everything).not.toContain('PRIVATE KEY');
    expect(everything).not.toContain(buckets.gateways.view.get('gw-1')!.value.mqtt.sealed!.password);
    expect(logLines.length).toBeGreaterThan(answers.length - 1);
  });
});
