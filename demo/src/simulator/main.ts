import { readFile } from 'node:fs/promises';
import { IngestClient } from '@gatecast/local-stack';
import { systemClock } from '@gatecast/shared/lifecycle';
import { createLogger } from '@gatecast/shared/logging';
import type { Outcome } from './answer.ts';
import { SimulatedGateway } from './gateway.ts';
import { seededRandom } from './random.ts';
import type { SimulatorSettings } from './settings.ts';

/*
 * The gateways, as a process of their own: they know nothing of the system but the address of its ingest and their
 * tokens, which are in the file that the first argument names.
 */

const [file = ''] = process.argv.slice(2);
const settings = JSON.parse(await readFile(file, 'utf8')) as SimulatorSettings;
const log = createLogger({ service: 'simulator', instance: 'simulator', level: 'info' });
const ingest = new IngestClient(settings.ingestUrl);

async function post(gatewayId: string, token: string, body: string, signal: AbortSignal): Promise<Outcome> {
  try {
    const { status, headers, body: answer } = await ingest.send({ gatewayId, token, body, signal });
    const retryAfter = headers.get('retry-after');
    return {
      kind: 'answer',
      status,
      retryAfter,
      code: answer.code,
      intervalSeconds: answer.measurementIntervalSeconds,
    };
  } catch (error) {
    return { kind: 'no_answer', reason: reasonOf(error) };
  }
}

/** `fetch` fails with "fetch failed", and says why in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.message;
}

const gateways = settings.gateways.map(
  (gateway, index) =>
    new SimulatedGateway({
      settings: gateway,
      pace: settings.pace,
      post: (body, signal) => post(gateway.gatewayId, gateway.token, body, signal),
      clock: systemClock,
      random: seededRandom(settings.seed * 1_000_003 + index),
      log: log.child({ gatewayId: gateway.gatewayId }),
    }),
);

async function stop(): Promise<void> {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  const totals = { accepted: 0, retries: 0, dropped: 0, forgotten: 0 };
  for (const gateway of gateways) {
    for (const name of ['accepted', 'retries', 'dropped', 'forgotten'] as const) totals[name] += gateway.totals[name];
  }
  log.info(totals, 'stopped');
  process.exit(0);
}

process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
for (const gateway of gateways) gateway.start();
log.info({ gateways: gateways.length }, 'ready');
