import { Agent, request } from 'node:http';

export interface LoadTarget {
  gatewayId: string;
  token: string;
}

export interface LoadOptions {
  ingestUrl: string;
  gateways: readonly LoadTarget[];
  /** Readings altogether. */
  readings: number;
  /** Readings of one request. */
  batch: number;
  /** Requests at a time. */
  concurrency: number;
  /** Unix seconds of the first reading; each request takes the next second, so that none is a repeat. */
  startTime: number;
}

/**
 * Sends readings as gateways do, each gateway one request after another, as fast as they are taken. Resolves with the
 * number of requests that were refused and repeated.
 */
export async function sendLoad(options: LoadOptions): Promise<{ refused: number }> {
  const { gateways, readings, batch, concurrency } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const requestsPerGateway = readings / batch / gateways.length;
  let refused = 0;
  const queue = [...gateways];
  const worker = async () => {
    for (let gateway = queue.shift(); gateway; gateway = queue.shift()) {
      for (let index = 0; index < requestsPerGateway; index += 1) {
        const body = JSON.stringify(bodyOf(options.startTime + index, batch));
        while ((await post(agent, options.ingestUrl, gateway, body)) !== 202) refused += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, gateways.length) }, worker));
  agent.destroy();
  return { refused };
}

function bodyOf(time: number, batch: number): unknown {
  const measurements = Array.from({ length: batch }, (_, index) => ({
    sensorId: `30${(0x2f00 + index).toString(16).toUpperCase()}`,
    time,
    values: {
      temperature: (20 + (time % 50) / 10).toFixed(3),
      humidity: (40 + (index % 20)).toFixed(1),
      co2: 400 + (time % 300),
      atmosphericpressure: '101325',
      battery: 0.92,
      rssi: -69,
    },
  }));
  return { measurements };
}

function post(agent: Agent, ingestUrl: string, { gatewayId, token }: LoadTarget, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${ingestUrl}/v1/gateways/${gatewayId}/measurements`, {
      agent,
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
    });
    outgoing.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
