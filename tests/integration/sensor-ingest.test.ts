import { gzipSync } from 'node:zlib';
import { ManagedProcess, NatsServer, waitFor } from '@gatecast/shared/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTopology, IngestFixture, readingsBody, subjectOf } from './support/ingest-fixture.ts';

describe('with NATS as it should be', () => {
  test('what is accepted is in READINGS byte for byte, under the gateway’s subject', async () => {
    await using line = await IngestFixture.start();
    await line.register('394260700033');
    const body = `{ "measurements": [\n {"values":{"co2":"452.0","x":1.0e1},"time":${Math.floor(Date.now() / 1000)},"sensorId":"A"}]}\n`;
    expect((await line.post('394260700033', body)).body).toEqual({ accepted: 1, measurementIntervalSeconds: 120 });
    const [message] = await line.stored();
    expect(message).toMatchObject({ subject: subjectOf('394260700033'), body });
    expect(message!.headers?.get('Gatecast-Incarnation')).toBe('first');
    expect(await line.metrics()).toContain('gatecast_ingest_requests_total{outcome="accepted"} 1');
  });

  test('a repeated request is stored once; the same body of another gateway, or of a re-created one, is its own', async () => {
    await using line = await IngestFixture.start();
    await line.register('a');
    await line.register('b');
    const body = readingsBody(1);
    for (let n = 0; n < 3; n += 1) expect((await line.post('a', body)).status).toBe(202);
    expect((await line.post('b', body)).status).toBe(202);
    await line.remove('a');
    await waitFor(async () => (await line.post('a', readingsBody(2))).status === 401);
    await line.register('a', 'second');
    await waitFor(async () => (await line.post('a', body)).status === 202);
    const stored = (await line.stored()).filter((message) => message.body === body);
    expect(stored.map(({ subject, headers }) => [subject, headers?.get('Gatecast-Incarnation')])).toEqual([
      [subjectOf('a'), 'first'],
      [subjectOf('b'), 'first'],
      [subjectOf('a'), 'second'],
    ]);
    expect(await line.metrics()).toContain('gatecast_ingest_requests_total{outcome="repeat"} 2');
  });

  test('a gateway may send the moment it is registered', async () => {
    await using line = await IngestFixture.start();
    for (let n = 0; n < 20; n += 1) {
      await line.register(`new-${n}`);
      expect((await line.post(`new-${n}`, readingsBody(n))).status).toBe(202);
    }
  });

  test('a gateway’s token opens no other gateway', async () => {
    await using line = await IngestFixture.start();
    await line.register('a');
    await line.register('b');
    const authorization = 'Bearer token-b';
    await waitFor(async () => (await line.post('b', readingsBody(1))).status === 202);
    expect((await line.post('a', readingsBody(2), { authorization })).status).toBe(403);
    expect((await line.post('nobody', readingsBody(3), { authorization })).status).toBe(403);
    expect((await line.post('nobody', readingsBody(4))).status).toBe(401);
    expect(await line.stored()).toHaveLength(1);
  });

  test('the largest body is taken, and gzip over the wire', async () => {
    await using line = await IngestFixture.start();
    await line.register('a');
    expect((await line.post('a', readingsBody(1, 512 * 1024))).status).toBe(202);
    expect((await line.post('a', readingsBody(2, 512 * 1024 + 1))).status).toBe(413);
    const response = await fetch(`${line.ingest.httpUrl}/v1/gateways/a/measurements`, {
      method: 'POST',
      headers: { authorization: 'Bearer token-a', 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: gzipSync(readingsBody(3, 512 * 1024)),
    });
    expect(response.status).toBe(202);
    expect((await line.stored()).map(({ body }) => body.length)).toEqual([512 * 1024, 512 * 1024]);
  });

  test('a server that carries less lowers the largest body', async () => {
    await using line = await IngestFixture.start({ natsConfig: 'max_payload: 64KB' });
    await line.register('a');
    expect((await line.post('a', readingsBody(1, 60_000))).status).toBe(202);
    expect((await line.post('a', readingsBody(2, 70_000))).status).toBe(413);
    expect(line.ingest.log.join('\n')).toContain('max_payload');
  });
});

describe('when READINGS is full', () => {
  const limits = { readingsMaxBytes: 256 * 1024 };

  /** Sends until something is refused, and returns that answer and the bodies accepted before. */
  async function fill(line: IngestFixture) {
    const accepted: string[] = [];
    for (let n = 0; ; n += 1) {
      const body = readingsBody(n, 8 * 1024);
      const answer = await line.post('a', body);
      if (answer.status !== 202) return { answer, accepted };
      accepted.push(body);
    }
  }

  test('refuses with 503 before it is full, keeps what was accepted, and goes on once there is room', async () => {
    // It is filled faster than the ingest looks.
    const env = { GATECAST_STORAGE_HIGH_WATER: '0.5', GATECAST_STORAGE_POLL_MS: '3000' };
    await using line = await IngestFixture.start({ limits, env });
    await line.register('a');
    const { answer, accepted } = await fill(line);
    expect(answer).toMatchObject({ status: 503, body: { code: 'storage_nearly_full' } });
    expect(answer.headers.get('retry-after')).toBe('5');
    expect((await line.stored()).map(({ body }) => body)).toEqual(accepted);
    expect(await line.readyz()).toBe(200);
    await line.purgeReadings();
    await waitFor(async () => (await line.post('a', readingsBody(-1))).status === 202);
  });

  test('refuses with 503 what the server itself refuses, and keeps what was accepted', async () => {
    await using line = await IngestFixture.start({ limits, env: { GATECAST_STORAGE_HIGH_WATER: '1' } });
    await line.register('a');
    const { answer, accepted } = await fill(line);
    expect(answer).toMatchObject({ status: 503, body: { code: 'storage_full' } });
    expect(answer.headers.get('retry-after')).toBe('5');
    expect((await line.stored()).map(({ body }) => body)).toEqual(accepted);
    await line.purgeReadings();
    expect((await line.post('a', readingsBody(-1))).status).toBe(202);
  });
});

describe('when NATS is away', () => {
  test('refuses with 503 while it is down, and goes on by itself when it is back; nothing accepted is lost', async () => {
    await using line = await IngestFixture.start();
    await line.register('a');
    const before = readingsBody(1);
    expect((await line.post('a', before)).status).toBe(202);
    await line.nats.kill();
    const answer = await line.post('a', readingsBody(2));
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    await waitFor(async () => (await line.readyz()) === 503);
    expect((await line.post('a', readingsBody(3))).body.code).toBe('nats_unavailable');
    await line.nats.restart();
    const after = readingsBody(4);
    await waitFor(async () => (await line.post('a', after)).status === 202, { timeoutMs: 20_000 });
    expect(await line.readyz()).toBe(200);
    const bodies = (await line.stored()).map(({ body }) => body);
    expect(bodies[0]).toBe(before);
    expect(bodies.at(-1)).toBe(after);
    await line.register('b');
    await waitFor(async () => (await line.post('b', readingsBody(5))).status === 202);
  });

  test('a batch whose fate is unknown may be sent again: it is stored once', async () => {
    await using line = await IngestFixture.start();
    await line.register('a');
    expect((await line.post('a', readingsBody(1))).status).toBe(202);
    await line.nats.pause();
    const body = readingsBody(2);
    const answer = await line.post('a', body);
    expect(answer).toMatchObject({ status: 503, body: { code: 'outcome_unknown' } });
    line.nats.resume();
    await waitFor(async () => (await line.post('a', body)).status === 202, { timeoutMs: 20_000 });
    expect((await line.stored()).filter((message) => message.body === body)).toHaveLength(1);
  });
});

test('stopping answers what is under way, and ends in time though a connection idles', async () => {
  await using line = await IngestFixture.start();
  await line.register('a');
  await waitFor(async () => (await line.post('a', readingsBody(0))).status === 202);
  await line.nats.pause();
  const bodies = [1, 2, 3, 4, 5].map((n) => readingsBody(n, 1_000));
  const underWay = bodies.map((body) => line.post('a', body));
  await waitFor(async () => (await line.metrics()).includes('gatecast_ingest_pending_bytes 5000'));
  const exit = line.ingest.stop();
  await waitFor(() => line.ingest.log.some((entry) => entry.includes('"to":"draining"')));
  line.nats.resume();
  for (const answer of await Promise.all(underWay)) expect(answer.status).toBe(202);
  expect(await exit).toEqual({ code: 0, signal: null });
  expect(await line.stored()).toHaveLength(6);
});

describe('before config-api has created streams and buckets', () => {
  async function startWithoutTopology(server: NatsServer) {
    const ingest = await ManagedProcess.start({
      command: process.execPath,
      args: ['--conditions=development', 'services/sensor-ingest/src/main.ts'],
      env: {
        ...server.envOf('sensor-ingest'),
        GATECAST_ADMIN_HOST: '127.0.0.1',
        GATECAST_ADMIN_PORT: '0',
        GATECAST_HTTP_HOST: '127.0.0.1',
        GATECAST_HTTP_PORT: '0',
      },
    });
    onTestFinished(async () => void (await ingest.stop()));
    await ingest.waitForLine(/waiting for config-api/);
    return ingest;
  }

  test('it waits for them, and then takes readings', async () => {
    await using server = await NatsServer.start({ users: 'shipped' });
    const ingest = await startWithoutTopology(server);
    await createTopology(server);
    await ingest.waitForLine(/"message":"ready"/);
  });

  test('it ends at once when asked to', async () => {
    await using server = await NatsServer.start({ users: 'shipped' });
    const ingest = await startWithoutTopology(server);
    expect(await ingest.stop()).toEqual({ code: 0, signal: null });
    expect(ingest.lines.join('\n')).not.toContain('could not start');
  });
});
