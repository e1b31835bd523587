import { IngestClient } from '@gatecast/local-stack/clients';
import { systemClock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { Outcome } from './answer.ts';
import { SimulatedGateway } from './gateway.ts';
import { seededRandom } from './random.ts';
import type { SimulatorSettings } from './settings.ts';

/** What gateways have sent, all together. */
export type SimulatedTotals = SimulatedGateway['totals'];

/** All gateways of one process. They know nothing of the system but the address of its ingest and their tokens. */
export class SimulatedFleet {
  readonly #gateways: readonly SimulatedGateway[];

  constructor({ ingestUrl, seed, pace, gateways }: SimulatorSettings, log: Logger) {
    const ingest = new IngestClient(ingestUrl);
    this.#gateways = gateways.map(
      (gateway, index) =>
        new SimulatedGateway({
          settings: gateway,
          pace,
          post: (body, signal) => post(ingest, gateway, body, signal),
          clock: systemClock,
          random: seededRandom(seed * 1_000_003 + index),
          log: log.child({ gatewayId: gateway.gatewayId }),
        }),
    );
  }

  start(): void {
    for (const gateway of this.#gateways) gateway.start();
  }

  async stop(): Promise<SimulatedTotals> {
    await Promise.all(this.#gateways.map((gateway) => gateway.stop()));
    const totals: SimulatedTotals = { accepted: 0, retries: 0, dropped: 0, forgotten: 0 };
    for (const gateway of this.#gateways) {
      for (const name of ['accepted', 'retries', 'dropped', 'forgotten'] as const) totals[name] += gateway.totals[name];
    }
    return totals;
  }
}

async function post(
  ingest: IngestClient,
  { gatewayId, token }: SimulatorSettings['gateways'][number],
  body: string,
  signal: AbortSignal,
): Promise<Outcome> {
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
