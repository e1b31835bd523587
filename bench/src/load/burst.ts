import { requestBody } from './readings.ts';
import { GatewayRequests, type LoadTarget } from './request.ts';

export interface BurstOptions {
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

const REFUSED_PAUSE_MS = 20;

/**
 * Sends readings as gateways do, each gateway one request after another, as fast as they are taken. Resolves with the
 * number of readings that were accepted, and of requests that were refused and repeated.
 */
export async function sendBurst(options: BurstOptions): Promise<{ readings: number; refused: number }> {
  const { gateways, readings, batch, concurrency } = options;
  const requests = new GatewayRequests(options.ingestUrl, concurrency);
  const requestsPerGateway = Math.max(1, Math.round(readings / batch / gateways.length));
  let refused = 0;
  const queue = [...gateways];
  const worker = async () => {
    for (let gateway = queue.shift(); gateway; gateway = queue.shift()) {
      for (let index = 0; index < requestsPerGateway; index += 1) {
        const body = requestBody(options.startTime + index, batch);
        while ((await requests.post(gateway, body)) !== 202) {
          refused += 1;
          await new Promise((resolve) => setTimeout(resolve, REFUSED_PAUSE_MS));
        }
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, gateways.length) }, worker));
  } finally {
    requests.close();
  }
  return { readings: requestsPerGateway * batch * gateways.length, refused };
}
