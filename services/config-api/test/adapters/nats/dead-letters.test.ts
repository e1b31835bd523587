import { systemClock } from '@gatecast/shared/lifecycle';
import { createLogger } from '@gatecast/shared/logging';
import { partitionOf } from '@gatecast/shared/model';
import {
  batchHeaders,
  connectNats,
  DEADLETTER_STREAM,
  DEFAULT_STORAGE_LIMITS,
  ensureCommonStreams,
  HEADER,
  lastMessageOf,
  type Nats,
  publishToStream,
  readingsHeaders,
  readingsStreamOf,
  readReadingsHeaders,
  subjects,
} from '@gatecast/shared/nats';
import { NatsServer, waitFor } from '@gatecast/shared/testing';
import { headers } from '@nats-io/nats-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { NatsDeadLetters } from '../../../src/adapters/nats/dead-letters.ts';
import type { LetterScan } from '../../../src/application/ports.ts';
import type { LetterHead } from '../../../src/domain/dead-letter.ts';
import { gatewayRecord } from '../../domain/status/samples.ts';

const MiB = 1024 * 1024;
const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
let server: NatsServer;
let nats: Nats;
let letters: NatsDeadLetters;

beforeAll(async () => {
  server = await NatsServer.start();
  nats = await connectNats({ natsUrl: server.url, name: 'dead letters' }, log);
  const limits = { ...DEFAULT_STORAGE_LIMITS, readingsMaxBytes: 16 * MiB, deadletterMaxBytes: 16 * MiB };
  await ensureCommonStreams(nats, limits);
  letters = new NatsDeadLetters({ nats, partitions: 8, clock: systemClock });
});

afterAll(async () => {
  await nats.close();
  await server.stop();
});

beforeEach(async () => {
  await nats.jsm.streams.purge(DEADLETTER_STREAM);
});

/** A letter as the encoder sets it aside. */
async function setAside(gatewayId: string, reason = 'topic_too_long', body = 'readings', fleet = 'default') {
  const of = readingsHeaders('life-1', undefined);
  of.set(HEADER.reason, reason);
  const subject = subjects.deadletter(fleet, gatewayId);
  return (await publishToStream(nats, subject, Buffer.from(body), { headers: of })).sequence;
}

async function scan(gatewayId: string, options: LetterScan, limit = 1_000): Promise<LetterHead[]> {
  const heads: LetterHead[] = [];
  await letters.scan(gatewayId, options, (head) => heads.push(head) < limit);
  return heads;
}

const idsOf = (heads: LetterHead[]) => heads.map(({ id }) => id);

it('lists a gateway’s letters in either order, across fleets and over gaps, without their bodies', async () => {
  expect(await scan('gw', { order: 'newest' })).toEqual([]);
  expect(await scan('gw', { order: 'oldest' })).toEqual([]);
  const first = await setAside('gw');
  for (let n = 0; n < 1_200; n += 1) {
    nats.connection.publish(subjects.deadletter('default', 'noisy'), 'x', { headers: headers() });
  }
  const second = await setAside('gw', 'payload_too_large', 'more', 'west');
  const third = await setAside('gw');
  expect(idsOf(await scan('gw', { order: 'oldest' }))).toEqual([first, second, third]);
  expect(idsOf(await scan('gw', { order: 'newest' }))).toEqual([third, second, first]);
  expect(idsOf(await scan('gw', { order: 'newest' }, 1))).toEqual([third]);
  expect(idsOf(await scan('gw', { order: 'newest', beyond: third }))).toEqual([second, first]);
  expect(idsOf(await scan('gw', { order: 'oldest', beyond: first }))).toEqual([second, third]);
  expect(idsOf(await scan('gw', { order: 'oldest', beyond: third }))).toEqual([]);
  const [head] = await scan('gw', { order: 'oldest', beyond: first }, 1);
  expect(head).toEqual({
    id: second,
    time: expect.any(Number),
    reason: 'payload_too_large',
    kind: 'measurements',
    incarnation: 'life-1',
    bytes: 4,
  });
  expect(Math.abs(head!.time - Date.now())).toBeLessThan(60_000);
  await waitFor(async () => (await nats.jsm.streams.info(DEADLETTER_STREAM)).state.consumer_count === 0);
});

it('reads what encoder and publisher have set aside, and knows what it cannot read', async () => {
  const batch = { incarnation: 'life-1', source: { sequence: 1, part: 1, parts: 1 }, settings: 1, first: 9, count: 1 };
  const ofPublisher = batchHeaders(batch);
  ofPublisher.set(HEADER.reason, 'not_authorized');
  ofPublisher.set(HEADER.kind, 'messages');
  const subject = subjects.deadletter('default', 'gw');
  const { sequence } = await publishToStream(nats, subject, Buffer.from('frames'), { headers: ofPublisher });
  const letter = await letters.get('gw', sequence);
  expect(letter).toMatchObject({ id: sequence, reason: 'not_authorized', kind: 'messages', incarnation: 'life-1' });
  expect(Buffer.from(letter!.body).toString()).toBe('frames');
  expect(await letters.get('other', sequence)).toBeUndefined();
  expect(await letters.get('gw', sequence + 1)).toBeUndefined();

  const strange = headers();
  strange.set(HEADER.reason, 'SCHEMA_UNKNOWN');
  const { sequence: id } = await publishToStream(nats, subject, Buffer.from('?'), { headers: strange });
  expect(await letters.get('gw', id)).toMatchObject({ kind: 'unreadable', reason: 'SCHEMA_UNKNOWN' });
  expect((await letters.get('gw', id))!.incarnation).toBeUndefined();
});

it('removes one, or all of a gateway, and says what there was', async () => {
  const first = await setAside('gw');
  await setAside('gw', 'a', 'x', 'west');
  const other = await setAside('other');
  expect(await letters.remove('gw', first)).toBe(true);
  expect(await letters.remove('gw', first)).toBe(false);
  await setAside('gw');
  expect(await letters.removeAll('gw')).toBe(2);
  expect(await letters.removeAll('gw')).toBe(0);
  expect(idsOf(await scan('other', { order: 'oldest' }))).toEqual([other]);
});

it('sends a letter down its gateway’s line, once however often it is asked to', async () => {
  const id = await setAside('gw', 'topic_too_long', '{"measurements":[]}');
  const letter = (await letters.get('gw', id))!;
  const gateway = { ...gatewayRecord(), gatewayId: 'gw', incarnation: 'life-1' };
  const before = (await nats.jsm.streams.info(readingsStreamOf(0))).state.messages;
  await letters.sendAgain(letter, gateway);
  await letters.sendAgain(letter, gateway);
  expect((await nats.jsm.streams.info(readingsStreamOf(0))).state.messages).toBe(before + 1);
  const stored = await lastMessageOf(nats, readingsStreamOf(0), subjects.readings(partitionOf('gw', 8), 'gw'));
  expect(Buffer.from(stored!.data).toString()).toBe('{"measurements":[]}');
  expect(readReadingsHeaders(stored!.headers)).toEqual({
    incarnation: 'life-1',
    kind: 'measurements',
    isRequeued: true,
  });
});
