import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { gatewayRecord } from '../../support/fakes.ts';
import { GATEWAY, OTHER_GATEWAY, OTHER_TOKEN, reading, TestIngest, TOKEN } from '../../support/ingest.ts';

test('stores the body byte for byte and answers with the count and the interval to measure at', async () => {
  await using ingest = await TestIngest.start();
  const body = `{ "measurements" : [${JSON.stringify(reading())},${JSON.stringify(reading({ sensorId: 'B' }))}] }`;
  const response = await ingest.post(body);
  expect(response.statusCode).toBe(202);
  expect(response.json()).toEqual({ accepted: 2, measurementIntervalSeconds: 300 });
  expect(response.headers['content-type']).toMatch(/^application\/json/);
  expect(ingest.readings.stored).toHaveLength(1);
  const [batch] = ingest.readings.stored;
  expect(batch).toMatchObject({ gatewayId: GATEWAY, incarnation: `${GATEWAY}-first` });
  expect(Buffer.from(batch!.body).toString()).toBe(body);
  expect(await ingest.outcomes()).toEqual({ accepted: 1 });
  const metrics = await ingest.registry.metrics();
  expect(metrics).toContain('gatecast_ingest_readings_total 2');
  expect(metrics).toContain(`gatecast_ingest_stored_bytes_total ${body.length}`);
  expect(metrics).toContain('gatecast_ingest_pending_bytes 0');
});

test.each(['application/json; charset=utf-8', 'application/JSON'])('takes the media type %s', async (type) => {
  await using ingest = await TestIngest.start();
  const response = await ingest.post({ measurements: [reading()] }, { headers: { 'content-type': type } });
  expect(response.statusCode).toBe(202);
});

test('stores what a gateway says of itself without readings', async () => {
  await using ingest = await TestIngest.start();
  const body = {
    measurements: [],
    firmwareVersion: '3.1',
    sensors: [{ sensorId: '3002FA', name: 'Süd', group: null, productNumber: 'TDSPT4H1' }],
  };
  const response = await ingest.post(body);
  expect(response.json()).toEqual({ accepted: 0, measurementIntervalSeconds: 300 });
  expect(JSON.parse(Buffer.from(ingest.readings.stored[0]!.body).toString())).toEqual(body);
});

test.each(['gzip', 'GZIP', 'x-gzip'])('stores a body sent with Content-Encoding %s inflated', async (encoding) => {
  await using ingest = await TestIngest.start();
  const body = JSON.stringify({ measurements: [reading()] });
  const response = await ingest.post(gzipSync(body), { headers: { 'content-encoding': encoding } });
  expect(response.statusCode).toBe(202);
  expect(Buffer.from(ingest.readings.stored[0]!.body).toString()).toBe(body);
});

test('answers a repeated request as the first one, and stores it once', async () => {
  await using ingest = await TestIngest.start();
  const body = JSON.stringify({ measurements: [reading(), reading({ sensorId: 'B' })] });
  const first = await ingest.post(body);
  const repeat = await ingest.post(gzipSync(body), { headers: { 'content-encoding': 'gzip' } });
  expect([repeat.statusCode, repeat.body]).toEqual([first.statusCode, first.body]);
  expect(ingest.readings.stored).toHaveLength(1);
  expect(await ingest.outcomes()).toEqual({ accepted: 1, repeat: 1 });
  expect(await ingest.registry.metrics()).toContain('gatecast_ingest_readings_total 2');
});

test('tells apart the same body of two gateways', async () => {
  await using ingest = await TestIngest.start();
  await ingest.post({ measurements: [reading()] });
  const response = await ingest.post({ measurements: [reading()] }, { gateway: OTHER_GATEWAY, token: OTHER_TOKEN });
  expect(response.json()).toEqual({ accepted: 1, measurementIntervalSeconds: 60 });
  expect(ingest.readings.stored.map(({ gatewayId }) => gatewayId)).toEqual([GATEWAY, OTHER_GATEWAY]);
});

test('tells apart the same body of a gateway and of its successor of the same id', async () => {
  await using ingest = await TestIngest.start();
  await ingest.post({ measurements: [reading()] });
  ingest.directory.add(gatewayRecord(GATEWAY, TOKEN, { incarnation: 'second' }));
  await ingest.post({ measurements: [reading()] });
  expect(ingest.readings.stored.map(({ incarnation }) => incarnation)).toEqual([`${GATEWAY}-first`, 'second']);
});

test('takes the readings of a gateway whose integration is disabled', async () => {
  await using ingest = await TestIngest.start();
  ingest.directory.add(gatewayRecord(GATEWAY, TOKEN, { mqtt: { enabled: false, host: 'broker.example' } }));
  expect((await ingest.post({ measurements: [reading()] })).statusCode).toBe(202);
});

test('answers only after the batch is stored', async () => {
  await using ingest = await TestIngest.start();
  const stored = Promise.withResolvers<void>();
  ingest.readings.gate = stored.promise;
  let isAnswered = false;
  const response = ingest.post({ measurements: [reading()] }).then((answer) => {
    isAnswered = true;
    return answer;
  });
  await ingest.clock.advance(0);
  expect(isAnswered).toBe(false);
  stored.resolve();
  expect((await response).statusCode).toBe(202);
});

test('takes a gateway that only the source knows of yet', async () => {
  await using ingest = await TestIngest.start();
  ingest.directory.addAtSource(gatewayRecord('new', 'new-token'));
  const response = await ingest.post({ measurements: [reading()] }, { gateway: 'new', token: 'new-token' });
  expect(response.statusCode).toBe(202);
});
