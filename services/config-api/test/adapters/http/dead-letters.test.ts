import { GatecastError } from '@gatecast/shared/errors';
import { encodeBatch } from '@gatecast/shared/outbox';
import { describe, expect, it } from 'vitest';
import { createHarness } from '../../harness.ts';

const LETTERS = '/v1/workspaces/acme/gateways/gw-1/dead-letters';

async function withGateway() {
  const harness = await createHarness();
  await harness.withWorkspace();
  await harness.withGateway();
  const { value, revision } = harness.buckets.gateways.view.get('gw-1')!;
  await harness.buckets.gateways.update(
    'gw-1',
    { ...value, mqtt: { enabled: true, host: 'broker.example' } },
    revision,
  );
  return { ...harness, incarnation: value.incarnation };
}

const refusedMessage = (topic = 'Aranet/gw-1/sensors/A') => ({
  reason: 'not_authorized',
  kind: 'messages' as const,
  body: Buffer.from(encodeBatch([{ topic, payload: Buffer.from('{"co2":"452"}'), retain: false }])),
});

describe('dead letters', () => {
  it('are listed newest first, with their beginnings, and in pages', async () => {
    const { request, deadLetters, incarnation } = await withGateway();
    deadLetters.add('gw-1', incarnation, { body: Buffer.from('{"measurements":[{"sensorId":"A"}]}') });
    deadLetters.add('other', 'life-9');
    deadLetters.add('gw-1', incarnation, refusedMessage());
    const first = await request('GET', `${LETTERS}?limit=1`);
    expect(first.body).toEqual({
      items: [
        {
          id: 3,
          time: '2026-01-01T00:00:03.000Z',
          reason: 'not_authorized',
          kind: 'messages',
          registration: 'current',
          bytes: 41,
          topic: 'Aranet/gw-1/sensors/A',
          preview: '{"co2":"452"}',
        },
      ],
      nextCursor: '3',
    });
    const second = await request('GET', `${LETTERS}?limit=1&cursor=3`);
    expect(second.body.items).toEqual([
      expect.objectContaining({ id: 1, kind: 'measurements', preview: '{"measurements":[{"sensorId":"A"}]}' }),
    ]);
    expect(second.body.nextCursor).toBeUndefined();
    const idsOf = async (query: string) =>
      (await request('GET', `${LETTERS}?${query}`)).body.items.map(({ id }: { id: number }) => id);
    expect(await idsOf('order=oldest')).toEqual([1, 3]);
    expect(await idsOf('reason=topic_too_long')).toEqual([1]);
    expect((await request('GET', `${LETTERS}?cursor=x`)).body.code).toBe('validation_failed');
  });

  it('are shown whole: text as text, other bytes as base64', async () => {
    const { request, deadLetters, incarnation } = await withGateway();
    const payload = Buffer.from([0xff, 0x00]);
    const body = Buffer.from(encodeBatch([{ topic: 't', payload, retain: true }]));
    const id = deadLetters.add('gw-1', incarnation, { ...refusedMessage(), body });
    const shown = await request('GET', `${LETTERS}/${id}`);
    expect(shown.body.messages).toEqual([{ topic: 't', retain: true, payload: { base64: '/wA=' } }]);
    const readings = deadLetters.add('gw-1', incarnation);
    expect((await request('GET', `${LETTERS}/${readings}`)).body.body).toEqual({ text: '{"measurements":[]}' });
    const broken = deadLetters.add('gw-1', incarnation, { kind: 'messages', body: Buffer.from('no frame') });
    expect((await request('GET', `${LETTERS}/${broken}`)).body.body).toEqual({ text: 'no frame' });
    expect((await request('GET', `${LETTERS}/99`)).status).toBe(404);
  });

  it('of a former registration are listed as such; nobody sees what they hold, nor sends it', async () => {
    const { request, deadLetters } = await withGateway();
    const former = deadLetters.add('gw-1', 'life-0', refusedMessage());
    const unknown = deadLetters.add('gw-1', undefined, { kind: 'unreadable', reason: 'SCHEMA_UNKNOWN' });
    const { items } = (await request('GET', `${LETTERS}?order=oldest`)).body;
    expect(items.map(({ registration }: { registration: string }) => registration)).toEqual(['former', 'unknown']);
    for (const item of items) expect(Object.keys(item)).not.toContain('preview');
    const shown = await request('GET', `${LETTERS}/${former}`);
    expect([shown.status, shown.body.messages, shown.body.body]).toEqual([200, undefined, undefined]);
    const refused = await request('POST', `${LETTERS}/${former}/requeue`);
    expect([refused.status, refused.body.code]).toEqual([409, 'letter_of_former_registration']);
    expect((await request('POST', `${LETTERS}/${unknown}/requeue`)).body.code).toBe('letter_unreadable');
    expect((await request('DELETE', `${LETTERS}/${former}`)).status).toBe(204);
    expect(deadLetters.ids).toEqual([unknown]);
  });

  it('are re-queued one by one: removed once they are in the line', async () => {
    const { request, deadLetters, incarnation, logLines, done } = await withGateway();
    const id = deadLetters.add('gw-1', incarnation, refusedMessage());
    expect((await request('POST', `${LETTERS}/${id}/requeue`)).status).toBe(204);
    expect(deadLetters.sent).toEqual([{ id, kind: 'messages', gatewayId: 'gw-1', incarnation }]);
    expect(deadLetters.ids).toEqual([]);
    expect((await request('POST', `${LETTERS}/${id}/requeue`)).status).toBe(404);
    expect(done).toEqual([['requeued', 1]]);
    const line = logLines.map((one) => JSON.parse(one)).find(({ message }) => message === 'dead letters requeued');
    expect(line).toMatchObject({ by: 'bootstrap', workspace: 'acme', gatewayId: 'gw-1', letter: id });
  });

  it('stay where they are when they cannot be stored in the line, and are sent once when removing fails', async () => {
    const { request, deadLetters, incarnation, done } = await withGateway();
    const id = deadLetters.add('gw-1', incarnation);
    deadLetters.sendFailure = new GatecastError('STORAGE_FULL', 'full');
    const refused = await request('POST', `${LETTERS}/${id}/requeue`);
    expect([refused.status, refused.body.code]).toEqual([503, 'storage_full']);
    expect(deadLetters.ids).toEqual([id]);
    deadLetters.sendFailure = undefined;
    deadLetters.removeFailure = new GatecastError('OUTCOME_UNKNOWN', 'timeout');
    expect((await request('POST', `${LETTERS}/${id}/requeue`)).body.code).toBe('outcome_unknown');
    deadLetters.removeFailure = undefined;
    expect((await request('POST', `${LETTERS}/${id}/requeue`)).status).toBe(204);
    expect([deadLetters.sent.length, deadLetters.ids, done]).toEqual([1, [], [['requeued', 1]]]);
  });

  it('are not re-queued while the integration is disabled: they would be dropped', async () => {
    const { request, deadLetters, incarnation, buckets } = await withGateway();
    const id = deadLetters.add('gw-1', incarnation);
    const { value, revision } = buckets.gateways.view.get('gw-1')!;
    await buckets.gateways.update('gw-1', { ...value, mqtt: { ...value.mqtt, enabled: false } }, revision);
    for (const url of [`${LETTERS}/${id}/requeue`, `${LETTERS}:requeue`]) {
      const refused = await request('POST', url);
      expect([refused.status, refused.body.code]).toEqual([409, 'integration_disabled']);
    }
    expect(deadLetters.ids).toEqual([id]);
  });

  it('are re-queued all at once, oldest first, or those with a reason', async () => {
    const { request, deadLetters, incarnation } = await withGateway();
    for (const reason of ['a', 'b', 'a']) deadLetters.add('gw-1', incarnation, { reason });
    deadLetters.add('gw-1', 'life-0', { reason: 'a' });
    const some = await request('POST', `${LETTERS}:requeue?reason=a`);
    expect([some.status, some.body]).toEqual([200, { requeued: 2, skipped: 1, more: false }]);
    expect((await request('POST', `${LETTERS}:requeue`)).body).toEqual({ requeued: 1, skipped: 1, more: false });
    expect(deadLetters.sent.map(({ id }) => id)).toEqual([1, 3, 2]);
    expect(deadLetters.ids).toEqual([4]);
  });

  it('are re-queued a thousand at a time', async () => {
    const { request, deadLetters, incarnation } = await withGateway();
    for (let n = 0; n < 1_001; n += 1) deadLetters.add('gw-1', incarnation);
    expect((await request('POST', `${LETTERS}:requeue`)).body).toEqual({ requeued: 1_000, skipped: 0, more: true });
    expect((await request('POST', `${LETTERS}:requeue`)).body).toEqual({ requeued: 1, skipped: 0, more: false });
  });

  it('are discarded one by one, by reason, or all', async () => {
    const { request, deadLetters, incarnation, done } = await withGateway();
    for (const reason of ['a', 'b', 'a', 'c', 'c']) deadLetters.add('gw-1', incarnation, { reason });
    deadLetters.add('other', 'life-9');
    expect((await request('DELETE', `${LETTERS}/2`)).status).toBe(204);
    expect((await request('DELETE', `${LETTERS}/2`)).status).toBe(404);
    expect((await request('DELETE', `${LETTERS}/6`)).status).toBe(404);
    expect((await request('DELETE', `${LETTERS}?reason=a`)).body).toEqual({ discarded: 2, more: false });
    expect((await request('DELETE', LETTERS)).body).toEqual({ discarded: 2, more: false });
    expect(deadLetters.ids).toEqual([6]);
    expect(done).toEqual(['discarded', 'discarded', 'discarded'].map((action, n) => [action, n === 0 ? 1 : 2]));
  });

  it('need the scopes of their workspace', async () => {
    const { request, deadLetters, incarnation, keyWith, withWorkspace } = await withGateway();
    await withWorkspace('other');
    const id = deadLetters.add('gw-1', incarnation);
    const reader = await keyWith('workspace:acme:read');
    const stranger = await keyWith('workspace:other:write');
    expect((await request('GET', `${LETTERS}/${id}`, { key: reader })).status).toBe(200);
    const writes = [
      ['POST', `${LETTERS}/${id}/requeue`],
      ['POST', `${LETTERS}:requeue`],
      ['DELETE', `${LETTERS}/${id}`],
      ['DELETE', LETTERS],
    ] as const;
    for (const [method, url] of writes) {
      expect((await request(method, url, { key: reader })).status).toBe(403);
      expect((await request(method, url, { key: stranger })).status).toBe(404);
      const elsewhere = url.replace('acme', 'other');
      expect((await request(method, elsewhere, { key: stranger })).status).toBe(404);
    }
    expect((await request('GET', LETTERS, { key: stranger })).status).toBe(404);
    expect(deadLetters.ids).toEqual([id]);
  });
});
