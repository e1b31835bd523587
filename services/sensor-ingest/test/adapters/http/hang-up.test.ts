import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { waitFor } from '@gatecast/shared/testing';
import { expect, test } from 'vitest';
import { GATEWAY, reading, TestIngest, TOKEN } from '../../support/ingest.ts';

const BODY = JSON.stringify({ measurements: [reading()] });

/** A gateway on a real connection that sends `bytes` of the body it announced. */
async function sendOver(ingest: TestIngest, bytes: number): Promise<Socket> {
  await ingest.app.listen({ host: '127.0.0.1', port: 0 });
  const address = ingest.app.server.address();
  const socket = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
  await once(socket, 'connect');
  const head = [
    `POST /v1/gateways/${GATEWAY}/measurements HTTP/1.1`,
    'Host: ingest',
    `Authorization: Bearer ${TOKEN}`,
    'Content-Type: application/json',
    `Content-Length: ${BODY.length}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${BODY.slice(0, bytes)}`);
  return socket;
}

test('a gateway that hangs up before its answer: the batch is stored, and nothing of it stays in memory', async () => {
  await using ingest = await TestIngest.start();
  const stored = Promise.withResolvers<void>();
  ingest.readings.gate = stored.promise;
  const socket = await sendOver(ingest, BODY.length);
  await waitFor(async () => (await ingest.registry.metrics()).includes(`pending_bytes ${BODY.length}`));
  socket.resetAndDestroy();
  await waitFor(() => new Promise((resolve) => ingest.app.server.getConnections((_, n) => resolve(n === 0))));
  stored.resolve();
  await waitFor(async () => (await ingest.registry.metrics()).includes('pending_bytes 0'));
  expect(ingest.readings.stored).toHaveLength(1);
  expect(await ingest.outcomes()).toEqual({ accepted: 1 });
});

test('a gateway that hangs up in the middle of its body: nothing is stored', async () => {
  await using ingest = await TestIngest.start();
  const socket = await sendOver(ingest, 20);
  socket.end();
  await waitFor(async () => Object.keys(await ingest.outcomes()).length > 0);
  expect(ingest.readings.stored).toEqual([]);
  expect(await ingest.outcomes()).toEqual({ bad_request: 1 });
});
