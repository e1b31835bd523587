import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type ErrorCode, GatecastError } from '@gatecast/shared/errors';
import { waitFor } from '@gatecast/shared/testing';
import { expect, test } from 'vitest';
import { OTHER_GATEWAY, OTHER_TOKEN, reading, refusal, TestIngest, TOKEN } from '../../support/ingest.ts';

const BODY = { measurements: [reading()] };

test.each([
  ['no token', { token: null }],
  ['a token that nobody has', { token: 'guess' }],
  ['another scheme', { token: null, headers: { authorization: `Basic ${TOKEN}` } }],
  ['a token with what no token holds', { token: 'a,b' }],
  ['a gateway that does not exist', { gateway: 'nobody', token: 'guess' }],
  ['a gateway id that cannot exist', { gateway: 'a.b', token: TOKEN }],
])('401 for %s, the same each time', async (_what, options) => {
  await using ingest = await TestIngest.start();
  const response = await ingest.post(BODY, options);
  expect(response.statusCode).toBe(401);
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(response.headers['www-authenticate']).toBe('Bearer');
  expect(response.json()).toEqual({
    type: 'urn:gatecast:problem:unauthorized',
    title: 'A valid gateway token is required',
    status: 401,
    code: 'unauthorized',
  });
  expect(ingest.readings.stored).toEqual([]);
});

test('403 for the token of another gateway, whether or not the gateway exists', async () => {
  await using ingest = await TestIngest.start();
  const existing = await ingest.post(BODY, { token: OTHER_TOKEN });
  const missing = await ingest.post(BODY, { gateway: 'nobody', token: OTHER_TOKEN });
  expect(refusal(existing)).toEqual({ status: 403, code: 'forbidden' });
  expect(missing.body).toBe(existing.body);
  expect(ingest.readings.stored).toEqual([]);
  expect(await ingest.outcomes()).toEqual({ forbidden: 2 });
});

test.each([
  ['text that is not JSON', '{"measurements":['],
  ['an empty body', ''],
  ['bytes that are not UTF-8', Buffer.from('{"measurements":[],"firmwareVersion":"\xff"}', 'latin1')],
  ['a byte order mark', '\ufeff{"measurements":[]}'],
  ['two documents', '{"measurements":[]}{"measurements":[]}'],
])('400 for %s', async (_what, body) => {
  await using ingest = await TestIngest.start();
  expect(refusal(await ingest.post(body))).toEqual({ status: 400, code: 'malformed_json' });
});

test('400 for a request without a body', async () => {
  await using ingest = await TestIngest.start();
  const response = await ingest.app.inject({
    method: 'POST',
    url: `/v1/gateways/${OTHER_GATEWAY}/measurements`,
    headers: { authorization: `Bearer ${OTHER_TOKEN}` },
  });
  expect(refusal(response)).toEqual({ status: 400, code: 'malformed_json' });
});

const zipped = gzipSync(JSON.stringify(BODY));
const corrupted = Buffer.from(zipped);
corrupted[12]! ^= 0xff;

test.each([
  ['not gzip', Buffer.from(JSON.stringify(BODY))],
  ['cut short', zipped.subarray(0, -12)],
  ['corrupted', corrupted],
  ['empty', Buffer.alloc(0)],
])('400 for gzip that is %s', async (_what, body) => {
  await using ingest = await TestIngest.start();
  const response = await ingest.post(body, { headers: { 'content-encoding': 'gzip' } });
  expect(refusal(response)).toEqual({ status: 400, code: 'malformed_gzip' });
});

test('413 for a body over the limit, also when it only grows so large when inflated', async () => {
  await using ingest = await TestIngest.start({ maxBodyBytes: 4096 });
  const large = JSON.stringify({ ...BODY, firmwareVersion: 'x'.repeat(5000) });
  expect(refusal(await ingest.post(large))).toEqual({ status: 413, code: 'body_too_large' });
  const inflated = await ingest.post(gzipSync(large), { headers: { 'content-encoding': 'gzip' } });
  expect(refusal(inflated)).toEqual({ status: 413, code: 'body_too_large' });
  const noise = gzipSync(randomBytes(8192));
  const asSent = await ingest.post(noise, { headers: { 'content-encoding': 'gzip' } });
  expect(refusal(asSent)).toEqual({ status: 413, code: 'body_too_large' });
});

test('a body of exactly the limit is taken, one byte more is not', async () => {
  const body = JSON.stringify(BODY).padEnd(2000);
  await using exact = await TestIngest.start({ maxBodyBytes: body.length });
  expect((await exact.post(body)).statusCode).toBe(202);
  const zip = { headers: { 'content-encoding': 'gzip' } };
  expect((await exact.post(gzipSync(body), zip)).statusCode).toBe(202);
  expect((await exact.post(`${body} `)).statusCode).toBe(413);
  expect((await exact.post(gzipSync(`${body} `), zip)).statusCode).toBe(413);
});

test('inflates no further than the limit', async () => {
  await using ingest = await TestIngest.start();
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  const before = process.memoryUsage().arrayBuffers;
  const response = await ingest.post(bomb, { headers: { 'content-encoding': 'gzip' } });
  expect(response.statusCode).toBe(413);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
});

test.each([
  ['another encoding', { 'content-encoding': 'br' }, 'unsupported_content_encoding'],
  ['two encodings', { 'content-encoding': 'gzip, gzip' }, 'unsupported_content_encoding'],
  ['another media type', { 'content-type': 'text/plain' }, 'unsupported_media_type'],
])('415 for %s', async (_what, headers, code) => {
  await using ingest = await TestIngest.start();
  expect(refusal(await ingest.post(JSON.stringify(BODY), { headers }))).toEqual({ status: 415, code });
});

test('422 for a bad reading, and nothing of the request is stored', async () => {
  await using ingest = await TestIngest.start();
  const bad = reading({ values: { co2: null } });
  const response = await ingest.post({ measurements: [reading(), reading({ sensorId: 'B' }), bad] });
  expect(refusal(response)).toEqual({ status: 422, code: 'validation_failed' });
  expect(response.json().errors).toEqual([
    { pointer: '/measurements/2/values/co2', message: 'is neither a number nor a number as text' },
  ]);
  expect(ingest.readings.stored).toEqual([]);
});

test('429 for too many requests of one gateway, and for its own only', async () => {
  await using ingest = await TestIngest.start({ requestsPerMinute: 2 });
  for (let n = 0; n < 2; n += 1) expect((await ingest.post(BODY)).statusCode).toBe(202);
  const response = await ingest.post(BODY);
  expect(refusal(response)).toMatchObject({ status: 429, code: 'request_rate_exceeded' });
  const retryAfter = Number(response.headers['retry-after']);
  expect(retryAfter).toBeGreaterThanOrEqual(1);
  expect(retryAfter).toBeLessThanOrEqual(60);
  expect((await ingest.post(BODY, { gateway: OTHER_GATEWAY, token: OTHER_TOKEN })).statusCode).toBe(202);
});

test('requests with a wrong token do not count against the gateway', async () => {
  await using ingest = await TestIngest.start({ requestsPerMinute: 1 });
  for (let n = 0; n < 3; n += 1) expect((await ingest.post(BODY, { token: 'guess' })).statusCode).toBe(401);
  expect((await ingest.post(BODY)).statusCode).toBe(202);
});

test('429 for too many bytes of one gateway, counted as inflated, until enough time has passed', async () => {
  await using ingest = await TestIngest.start({ bytesPerMinute: 6000 });
  const body = gzipSync(JSON.stringify({ measurements: [reading()], firmwareVersion: 'x' }).padEnd(6100));
  const zip = { headers: { 'content-encoding': 'gzip' } };
  expect((await ingest.post(body, zip)).statusCode).toBe(202);
  // 100 bytes of debt at 100 bytes a second
  expect(refusal(await ingest.post(body, zip))).toEqual({ status: 429, code: 'byte_rate_exceeded', retryAfter: '2' });
  expect((await ingest.post(BODY, { gateway: OTHER_GATEWAY, token: OTHER_TOKEN })).statusCode).toBe(202);
  await ingest.clock.advance(2_000);
  expect((await ingest.post(body, zip)).statusCode).toBe(202);
});

test.each<[ErrorCode, string]>([
  ['STORAGE_FULL', 'storage_full'],
  ['NATS_UNAVAILABLE', 'nats_unavailable'],
  ['STREAM_MISSING', 'nats_unavailable'],
  ['OUTCOME_UNKNOWN', 'outcome_unknown'],
])('503 with Retry-After when storing fails with %s, and 202 once it works again', async (code, expected) => {
  await using ingest = await TestIngest.start();
  ingest.readings.failure = new GatecastError(code, 'no');
  expect(refusal(await ingest.post(BODY))).toEqual({ status: 503, code: expected, retryAfter: '5' });
  ingest.readings.failure = undefined;
  expect((await ingest.post(BODY)).statusCode).toBe(202);
  expect(await ingest.outcomes()).toEqual({ [expected]: 1, accepted: 1 });
  expect(await ingest.registry.metrics()).toContain('gatecast_ingest_pending_bytes 0');
});

test('503 without looking at the token while NATS is away', async () => {
  await using ingest = await TestIngest.start({ retryAfterSeconds: 7 });
  ingest.readings.connected = false;
  const response = await ingest.post(BODY, { token: 'guess' });
  expect(refusal(response)).toEqual({ status: 503, code: 'nats_unavailable', retryAfter: '7' });
  expect(ingest.directory.asked).toEqual([]);
});

test('503 when only NATS could tell whose token it is, and it does not answer', async () => {
  await using ingest = await TestIngest.start();
  ingest.directory.failure = new GatecastError('OUTCOME_UNKNOWN', 'timeout');
  const response = await ingest.post(BODY, { token: 'guess' });
  expect(refusal(response)).toEqual({ status: 503, code: 'outcome_unknown', retryAfter: '5' });
});

test('503 when the storage is nearly full', async () => {
  await using ingest = await TestIngest.start();
  ingest.readings.room = false;
  expect(refusal(await ingest.post(BODY))).toEqual({ status: 503, code: 'storage_nearly_full', retryAfter: '5' });
  expect(ingest.readings.stored).toEqual([]);
});

test('503 when more bytes wait to be stored than may, until some are', async () => {
  const body = JSON.stringify(BODY);
  await using ingest = await TestIngest.start({ maxPendingBytes: body.length * 2 });
  const stored = Promise.withResolvers<void>();
  ingest.readings.gate = stored.promise;
  const waiting = [ingest.post(body), ingest.post(body)];
  await waitFor(async () => (await ingest.registry.metrics()).includes(`pending_bytes ${body.length * 2}`));
  expect(refusal(await ingest.post(body))).toEqual({ status: 503, code: 'overloaded', retryAfter: '5' });
  stored.resolve();
  for (const response of await Promise.all(waiting)) expect(response.statusCode).toBe(202);
  expect((await ingest.post(body)).statusCode).toBe(202);
});

test('503 while the event loop does not keep up', async () => {
  await using ingest = await TestIngest.start({ maxEventLoopDelayMs: 1 });
  const response = await waitFor(
    async () => {
      const busyUntil = performance.now() + 100;
      while (performance.now() < busyUntil);
      const answer = await ingest.post(BODY);
      return answer.statusCode === 503 && answer;
    },
    { describe: 'a refusal under pressure' },
  );
  expect(refusal(response)).toEqual({ status: 503, code: 'overloaded', retryAfter: '5' });
});

test('503 and a closed connection once the service stops; what is under way is finished', async () => {
  await using ingest = await TestIngest.start();
  const stored = Promise.withResolvers<void>();
  ingest.readings.gate = stored.promise;
  const underWay = ingest.post(BODY);
  await waitFor(async () => !(await ingest.registry.metrics()).includes('pending_bytes 0'));
  ingest.state.stopping = true;
  const late = await ingest.post(BODY);
  expect(refusal(late)).toEqual({ status: 503, code: 'stopping', retryAfter: '5' });
  expect(late.headers.connection).toBe('close');
  stored.resolve();
  const finished = await underWay;
  expect(finished.statusCode).toBe(202);
  expect(finished.headers.connection).toBe('close');
});

test('500 for what nobody expected, without its details', async () => {
  await using ingest = await TestIngest.start();
  ingest.readings.failure = new TypeError('a bug');
  const response = await ingest.post(BODY);
  expect(refusal(response)).toEqual({ status: 500, code: 'internal_error' });
  expect(response.body).not.toContain('a bug');
});

test('404 for anything else', async () => {
  await using ingest = await TestIngest.start();
  const response = await ingest.app.inject({ method: 'GET', url: `/v1/gateways/${OTHER_GATEWAY}/measurements` });
  expect(refusal(response)).toEqual({ status: 404, code: 'not_found' });
});

test('429 for a gateway whose accepted readings wait too long, 503 when its fleet’s do; both with Retry-After', async () => {
  await using ingest = await TestIngest.start();
  const other = { gateway: OTHER_GATEWAY, token: OTHER_TOKEN };
  expect((await ingest.post(BODY)).statusCode).toBe(202);
  await ingest.clock.advance(60_001);
  expect((await ingest.post(BODY, other)).statusCode).toBe(202);
  const look = (seq: number) => {
    ingest.lag.recorded(0, { seq, gateways: {} });
    ingest.lag.judgeLines();
  };
  look(0);
  expect(refusal(await ingest.post(BODY))).toEqual({ status: 429, code: 'gateway_behind', retryAfter: '15' });
  expect((await ingest.post(BODY, other)).statusCode).toBe(202);
  await ingest.clock.advance(120_001);
  look(0);
  expect(refusal(await ingest.post(BODY, other))).toEqual({ status: 503, code: 'line_behind', retryAfter: '30' });
  look(2);
  expect((await ingest.post(BODY)).statusCode).toBe(202);
  expect(await ingest.outcomes()).toEqual({ accepted: 2, repeat: 2, gateway_behind: 1, line_behind: 1 });
});
