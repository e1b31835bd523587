import { loadConfig } from '@gatecast/shared/config';
import { createLogger } from '@gatecast/shared/logging';
import { ManualClock } from '@gatecast/shared/testing';
import { Registry } from '@prometheus-io/client';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { createIngestServer } from '../../src/adapters/http/server.ts';
import { IngestMetrics } from '../../src/adapters/metrics/ingest-metrics.ts';
import { IngestConfig } from '../../src/config.ts';
import { LineLag } from '../../src/domain/line-lag.ts';
import { FakeGatewayDirectory, FakeReadingsLog, gatewayRecord } from './fakes.ts';

export const GATEWAY = '394260700033';
export const TOKEN = 'gw-token-1';
export const OTHER_GATEWAY = '394260700034';
export const OTHER_TOKEN = 'gw-token-2';
/** The wall time of the tests, Unix seconds. */
export const NOW = Date.UTC(2026, 0, 1) / 1000;

/** The HTTP side of the ingest on fakes, with two gateways that are known. */
export class TestIngest {
  readonly app: FastifyInstance;
  readonly registry: Registry;
  readonly readings: FakeReadingsLog;
  readonly directory: FakeGatewayDirectory;
  readonly clock: ManualClock;
  readonly lag: LineLag;
  readonly state: { stopping: boolean };

  private constructor(parts: Omit<TestIngest, 'post' | 'outcomes' | typeof Symbol.asyncDispose>) {
    this.app = parts.app;
    this.registry = parts.registry;
    this.readings = parts.readings;
    this.directory = parts.directory;
    this.clock = parts.clock;
    this.lag = parts.lag;
    this.state = parts.state;
  }

  static async start(settings: Partial<IngestConfig> = {}): Promise<TestIngest> {
    const clock = new ManualClock();
    const parts = {
      registry: new Registry(),
      readings: new FakeReadingsLog(),
      directory: new FakeGatewayDirectory(),
      clock,
      lag: new LineLag({ maxGatewayLagMs: 60_000, maxLineLagMs: 120_000, partitions: 1, clock }),
      state: { stopping: false },
    };
    parts.directory.add(gatewayRecord(GATEWAY, TOKEN, { mqtt: { measurementIntervalSeconds: 300 } }));
    parts.directory.add(gatewayRecord(OTHER_GATEWAY, OTHER_TOKEN));
    const app = await createIngestServer({
      ...parts,
      config: { ...loadConfig(IngestConfig, {}), ...settings },
      metrics: new IngestMetrics(parts.registry),
      log: createLogger({ service: 'sensor-ingest', instance: 'test', level: 'silent' }),
      isStopping: () => parts.state.stopping,
    });
    return new TestIngest({ ...parts, app });
  }

  /** Sends `body` (JSON, or bytes as they are) as the first gateway, unless told otherwise. */
  post(body: unknown, { gateway = GATEWAY, token = TOKEN, headers = {} }: PostOptions = {}) {
    const request: InjectOptions = {
      method: 'POST',
      url: `/v1/gateways/${gateway}/measurements`,
      headers: {
        'content-type': 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      payload: Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body),
    };
    return this.app.inject(request);
  }

  /** Requests counted so far, by outcome. */
  async outcomes(): Promise<Record<string, number>> {
    const metric = this.registry.getSingleMetric('gatecast_ingest_requests_total');
    const { values } = await metric!.get();
    return Object.fromEntries(values.map(({ labels, value }) => [(labels as { outcome: string }).outcome, value]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close();
  }
}

export interface PostOptions {
  gateway?: string;
  /** null: no `Authorization` header. */
  token?: string | null;
  headers?: Record<string, string>;
}

export function reading(changes: object = {}): object {
  return { sensorId: '3002FA', time: NOW, values: { temperature: '22.800', co2: 452 }, ...changes };
}

/** What a refusal looks like to a gateway. */
export function refusal(response: LightMyRequestResponse): { status: number; code: string; retryAfter?: string } {
  const retryAfter = response.headers['retry-after'];
  return {
    status: response.statusCode,
    code: response.json().code,
    ...(retryAfter === undefined ? {} : { retryAfter: String(retryAfter) }),
  };
}
