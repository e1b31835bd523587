import { Counter, Histogram, type Registry } from '@prometheus-io/client';
import type { FastifyInstance } from 'fastify';

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Counts and logs requests: writes at `info` with the key that made them, reads at `debug`. Never bodies or queries. */
export function observeRequests(app: FastifyInstance, registry: Registry): void {
  const requests = new Counter({
    name: 'gatecast_config_http_requests_total',
    help: 'Requests answered, by route and status code.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'gatecast_config_http_request_duration_seconds',
    help: 'Time from the request to its answer.',
    labelNames: ['method', 'route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers: [registry],
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { method } = request;
    const route = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
    const seconds = reply.elapsedTime / 1000;
    requests.inc({ method, route, status: String(reply.statusCode) });
    duration.observe({ method, route }, seconds);
    const line = {
      method,
      route,
      ...(request.is404 ? {} : (request.params as Record<string, string>)),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      ...(request.principal && { by: request.principal.id }),
    };
    if (READS.has(method)) request.log.debug(line, 'request');
    else request.log.info(line, 'request');
    done();
  });
}
