import { loadConfig } from '@gatecast/shared/config';
import { createLogger } from '@gatecast/shared/logging';
import { ManualClock, recordedSpans } from '@gatecast/shared/testing';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { Registry } from '@prometheus-io/client';
import { beforeEach, expect, test } from 'vitest';
import { createIngestServer } from '../../src/adapters/http/server.ts';
import { IngestMetrics } from '../../src/adapters/metrics/ingest-metrics.ts';
import { NatsReadingsLog } from '../../src/adapters/nats/nats-readings-log.ts';
import { StorageWatch } from '../../src/adapters/nats/storage-watch.ts';
import { IngestConfig } from '../../src/config.ts';
import { LineLag } from '../../src/domain/line-lag.ts';
import { FakeNats } from '../support/fake-nats.ts';
import { FakeGatewayDirectory, gatewayRecord } from '../support/fakes.ts';
import { GATEWAY, reading, TOKEN } from '../support/ingest.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_ID = 'b7ad6b7169203331';

const exporter = recordedSpans();
beforeEach(() => exporter.reset());

async function post(nats: FakeNats, headers: Record<string, string> = {}) {
  const [clock, metrics] = [new ManualClock(), new IngestMetrics(new Registry())];
  const log = createLogger({ service: 'sensor-ingest', instance: 'test', level: 'silent' });
  const directory = new FakeGatewayDirectory();
  directory.add(gatewayRecord(GATEWAY, TOKEN));
  const storage = new StorageWatch({
    streams: [],
    readSize: async () => ({ bytes: 0, maxBytes: 0, lastSequence: 0 }),
    highWater: 1,
    pollMs: 1_000,
    metrics,
    clock,
    log,
  });
  const readings = new NatsReadingsLog({ nats: nats.asNats(), partitions: 64, storage, metrics, clock, log });
  const config = loadConfig(IngestConfig, {});
  const lag = new LineLag({ maxGatewayLagMs: 60_000, maxLineLagMs: 120_000, partitions: 64, clock });
  const parts = { config, directory, readings, lag, metrics, clock, log };
  const app = await createIngestServer({ ...parts, isStopping: () => false });
  const response = await app.inject({
    method: 'POST',
    url: `/v1/gateways/${GATEWAY}/measurements`,
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
    payload: JSON.stringify({ measurements: [reading()] }),
  });
  await app.close();
  const spans = exporter.getFinishedSpans();
  const named = (name: string) => spans.find((span) => span.name === name) as ReadableSpan;
  return { response, spans, named };
}

test('the request and the sending to NATS are spans of the sender’s trace, which goes on in the message', async () => {
  const nats = new FakeNats();
  const { response, spans, named } = await post(nats, { traceparent: `00-${TRACE_ID}-${PARENT_ID}-01` });
  expect(response.statusCode).toBe(202);
  expect(spans).toHaveLength(2);
  const request = named('POST /v1/gateways/{gatewayId}/measurements');
  expect(request.kind).toBe(SpanKind.SERVER);
  expect(request.parentSpanContext).toMatchObject({ traceId: TRACE_ID, spanId: PARENT_ID });
  expect(request.attributes).toMatchObject({
    'http.request.method': 'POST',
    'http.route': '/v1/gateways/{gatewayId}/measurements',
    'http.response.status_code': 202,
    'gatecast.gateway.id': GATEWAY,
    'gatecast.outcome': 'accepted',
  });
  const send = named('send readings');
  expect(send.kind).toBe(SpanKind.PRODUCER);
  expect(send.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
  expect(send.attributes).toMatchObject({
    'messaging.system': 'nats',
    'messaging.operation.type': 'send',
    'messaging.destination.name': nats.published[0]!.subject,
    'messaging.message.id': nats.published[0]!.headers.get('Nats-Msg-Id'),
  });
  const { traceId, spanId } = send.spanContext();
  expect(traceId).toBe(TRACE_ID);
  expect(nats.published[0]!.headers.get('traceparent')).toBe(`00-${traceId}-${spanId}-01`);
});

test('a request without a trace begins one', async () => {
  const nats = new FakeNats();
  const { spans, named } = await post(nats);
  expect(spans).toHaveLength(2);
  expect(named('POST /v1/gateways/{gatewayId}/measurements').parentSpanContext).toBeUndefined();
});

test('an unsampled trace costs no spans and no headers', async () => {
  const nats = new FakeNats();
  const { response, spans } = await post(nats, { traceparent: `00-${TRACE_ID}-${PARENT_ID}-00` });
  expect(response.statusCode).toBe(202);
  expect(spans).toEqual([]);
  expect(nats.published[0]!.headers.has('traceparent')).toBe(false);
});

test('failures mark the spans: ours as errors, refusals only by their code', async () => {
  const nats = new FakeNats();
  nats.fail = new Error('timeout');
  const failed = await post(nats);
  const request = failed.named('POST /v1/gateways/{gatewayId}/measurements');
  expect(failed.response.statusCode).toBe(503);
  expect(request.status.code).toBe(SpanStatusCode.ERROR);
  expect(request.attributes).toMatchObject({ 'http.response.status_code': 503, 'error.type': 'outcome_unknown' });
  expect(failed.named('send readings').status.code).toBe(SpanStatusCode.ERROR);
  exporter.reset();
  const refused = await post(nats, { authorization: 'Bearer guess' });
  const refusal = refused.named('POST /v1/gateways/{gatewayId}/measurements');
  expect(refusal.status.code).toBe(SpanStatusCode.UNSET);
  expect(refusal.attributes).toMatchObject({ 'http.response.status_code': 401, 'error.type': 'unauthorized' });
  expect(refusal.attributes).not.toHaveProperty('gatecast.gateway.id');
});
