import { context, propagation, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';

const tracer = trace.getTracer('gatecast-config-api');
const spans = new WeakMap<FastifyRequest, Span>();

/**
 * One SERVER span a request, continuing the caller's trace, by OpenTelemetry's HTTP conventions. Everything that a
 * handler does runs in it. Never a body or a header: they carry secrets.
 */
export function traceRequests(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const parent = propagation.extract(ROOT_CONTEXT, request.headers);
    const route = request.is404 ? undefined : request.routeOptions.url;
    const { gw } = (request.params ?? {}) as { gw?: string };
    const span = tracer.startSpan(
      route === undefined ? request.method : `${request.method} ${route}`,
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': request.method,
          ...(route === undefined ? {} : { 'http.route': route }),
          ...(gw === undefined ? {} : { 'gatecast.gateway.id': gw }),
        },
      },
      parent,
    );
    spans.set(request, span);
    context.with(trace.setSpan(parent, span), done);
  });

  app.addHook('onError', (request, _reply, error, done) => {
    // Only its kind: messages of what the service did not expect could quote the request.
    spans.get(request)?.setAttribute('error.type', error.name);
    done();
  });

  app.addHook('onResponse', (request, reply, done) => {
    const span = spans.get(request);
    span?.setAttribute('http.response.status_code', reply.statusCode);
    if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
    done();
  });
}
