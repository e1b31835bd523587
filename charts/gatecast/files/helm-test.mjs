// `helm test`: for each fleet a gateway is registered, sends a reading through sensor-ingest, and is deleted again once
// the broker beside this script has the reading, and the gateway's status says so.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

const { API_URL, INGEST_URL, API_KEY_FILE, BROKER_HOST, BROKER_PORT, FLEETS } = process.env;
const DEADLINE_MS = 60_000;
const PAUSE_MS = 500;
const WORKSPACE = 'helm-test';
const key = readFileSync(API_KEY_FILE, 'utf8').trim();
const gateways = `${API_URL}/v1/workspaces/${WORKSPACE}/gateways`;

/** All that the broker sends to a subscriber of everything, as it is: MQTT has topics and payloads in the clear. */
let received = '';

function subscribe() {
  const clientId = Buffer.from('helm-test');
  const connectPacket = [0x10, 12 + clientId.length, 0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 0, 0, clientId.length];
  const subscribePacket = [0x82, 6, 0, 1, 0, 1, ...Buffer.from('#'), 0];
  const socket = connect(Number(BROKER_PORT), '127.0.0.1');
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.write(Buffer.from([...connectPacket, ...clientId, ...subscribePacket]));
  return socket;
}

async function request(method, url, { token = key, body, headers = {}, expect = [200, 201, 202, 204] } = {}) {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    signal: AbortSignal.timeout(10_000),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!expect.includes(response.status)) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** Again and again until it is true, or the time is over: services may still be starting. */
async function until(what, attempt) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const outcome = await attempt().catch((error) => error);
    if (outcome === true) return;
    const seen = outcome instanceof Error ? `${outcome.message} ${outcome.cause ?? ''}` : JSON.stringify(outcome);
    if (Date.now() > deadline) throw new Error(`${what}: not within ${DEADLINE_MS / 1000} s; last seen: ${seen}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

async function testFleet(fleet) {
  const gatewayId = `helm-test-${randomBytes(6).toString('hex')}`;
  const { ingestToken } = await request('POST', gateways, { body: { gatewayId, fleet } });
  try {
    const integration = `${gateways}/${gatewayId}/integrations/mqtt`;
    const body = { host: BROKER_HOST, port: Number(BROKER_PORT), qos: 1 };
    await request('PUT', integration, { body, headers: { 'if-match': '*' } });
    const measurements = [
      { sensorId: '3002FA', time: Math.floor(Date.now() / 1000), values: { temperature: '21.50' } },
    ];
    await until(`fleet ${fleet}: a reading is accepted`, async () => {
      const url = `${INGEST_URL}/v1/gateways/${gatewayId}/measurements`;
      await request('POST', url, { token: ingestToken, body: { measurements }, expect: [202] });
      return true;
    });
    await until(`fleet ${fleet}: the broker has the reading`, async () => {
      const fromGateway = received.slice(received.indexOf(gatewayId));
      return fromGateway.includes(gatewayId) && fromGateway.includes('21.50')
        ? true
        : request('GET', `${integration}/status`);
    });
    await until(`fleet ${fleet}: status says so`, async () => {
      const status = await request('GET', `${integration}/status`);
      return (status.code === 'MQTT_INFO_NO_ERR' && typeof status.lastDeliveredAt === 'string') || status;
    });
    process.stdout.write(`fleet ${fleet}: delivered, MQTT_INFO_NO_ERR\n`);
  } finally {
    await request('DELETE', `${gateways}/${gatewayId}`);
  }
}

const subscriber = subscribe();
await until('the API answers', async () => {
  await request('POST', `${API_URL}/v1/workspaces`, { body: { workspace: WORKSPACE }, expect: [201, 409] });
  return true;
});
try {
  for (const fleet of FLEETS.split(',')) await testFleet(fleet);
} finally {
  subscriber.destroy();
  await request('DELETE', `${API_URL}/v1/workspaces/${WORKSPACE}`, { expect: [204, 409] });
}
