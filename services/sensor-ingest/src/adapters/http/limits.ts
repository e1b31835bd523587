import rateLimit from '@fastify/rate-limit';
import underPressure from '@fastify/under-pressure';
import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify';
import type { IngestConfig } from '../../config.ts';
import { requestRateExceeded, unavailable } from './problems.ts';

/** Refuses everything while this process does not keep up. */
export async function refuseUnderPressure(app: FastifyInstance, limits: IngestConfig): Promise<void> {
  await app.register(underPressure, {
    maxEventLoopDelay: limits.maxEventLoopDelayMs,
    pressureHandler: async () => {
      throw unavailable('overloaded', limits.retryAfterSeconds);
    },
  });
}

/** A hook that refuses what exceeds the request rate of the gateway that the token check found. */
export async function requestRateHook(app: FastifyInstance, limits: IngestConfig): Promise<onRequestAsyncHookHandler> {
  await app.register(rateLimit, {
    global: false,
    max: limits.requestsPerMinute,
    timeWindow: 60_000,
    cache: limits.rememberedGateways,
    keyGenerator: (request) => request.gateway?.gatewayId ?? '',
    errorResponseBuilder: (_request, { ttl }) => requestRateExceeded(Math.ceil(ttl / 1000)),
  });
  return app.rateLimit();
}
