import {
  type Attributes,
  context,
  defaultTextMapGetter,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { FastifyRequest } from 'fastify';

const tracer = trace.getTracer('gatecast-sensor-ingest');

const ROUTE = '/v1/gateways/{gatewayId}/measurements';

/** HTTP semantic conventions 1.23 and later. */
const ATTRIBUTES: Attributes = {
  'http.request.method': 'POST',
  'http.route': ROUTE,
  'url.scheme': 'http',
};

/** Begins the span of a request, in the trace that the sender's W3C headers name. What is not recorded has none. */
export function startRequestSpan(request: FastifyRequest): void {
  const parent = propagation.extract(ROOT_CONTEXT, request.headers, defaultTextMapGetter);
  const span = tracer.startSpan(`POST ${ROUTE}`, { kind: SpanKind.SERVER, attributes: ATTRIBUTES }, parent);
  if (span.isRecording()) request.recording = { span, context: trace.setSpan(parent, span) };
}

/** Runs `work` so that its own spans become children of the request's. */
export function withinRequestSpan<T>({ recording }: FastifyRequest, work: () => T): T {
  return recording ? context.with(recording.context, work) : work();
}

export function endRequestSpan({ recording, url, gateway, outcome }: FastifyRequest, statusCode: number): void {
  if (!recording) return;
  const { span } = recording;
  span.setAttributes({ 'url.path': url, 'http.response.status_code': statusCode, 'gatecast.outcome': outcome });
  if (gateway) span.setAttribute('gatecast.gateway.id', gateway.gatewayId);
  if (statusCode >= 400) span.setAttribute('error.type', outcome);
  // A refusal is the sender's error, not this span's: HTTP semantic conventions, "Status".
  if (statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
