import type { HttpProblem } from '@gatecast/shared/http';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import type { ByteRates } from '../../domain/byte-rates.ts';
import { checkToken } from '../../domain/token-check.ts';
import { contentEncodingOf } from './body.ts';
import {
  byteRateExceeded,
  forbidden,
  gatewayBehind,
  unauthorized,
  unavailable,
  unsupportedEncoding,
} from './problems.ts';
import { unavailableFor } from './refusals.ts';
import type { IngestServerOptions } from './server.ts';

type MeasurementsRequest = FastifyRequest<{ Params: { gatewayId: string } }>;

/** Hooks that refuse a request before its body is read. */
export function createAdmission(options: IngestServerOptions, byteRates: ByteRates) {
  const { config, directory, readings, lag } = options;

  /** A gateway that is behind is asked to come back when a part of that may have gone. */
  function lagRefusalOf({ gateway }: MeasurementsRequest): HttpProblem | undefined {
    if (!gateway) return undefined;
    switch (lag.lagOf(gateway)) {
      case 'line':
        return unavailable('line_behind', Math.ceil(config.maxLineLagSeconds / 4));
      case 'gateway':
        return gatewayBehind(Math.ceil(config.maxGatewayLagSeconds / 4));
      default:
        return undefined;
    }
  }

  function refusalOf(request: MeasurementsRequest): HttpProblem | undefined {
    const { gatewayId } = request.params;
    const ms = byteRates.msToWait(gatewayId);
    if (ms > 0) return byteRateExceeded(Math.ceil(ms / 1000));
    if (contentEncodingOf(request.headers['content-encoding']) === undefined) return unsupportedEncoding();
    if (!readings.hasRoom(gatewayId)) return unavailable('storage_nearly_full', config.retryAfterSeconds);
    return lagRefusalOf(request);
  }

  return {
    /** Without NATS nothing can be taken in, and not every token be checked. */
    requireConnection(_request: FastifyRequest, _reply: FastifyReply, done: HookHandlerDoneFunction): void {
      done(readings.isConnected() ? undefined : unavailable('nats_unavailable', config.retryAfterSeconds));
    },

    async requireToken(request: MeasurementsRequest, reply: FastifyReply): Promise<void> {
      const { gatewayId } = request.params;
      const verdict = await checkToken(gatewayId, request.headers.authorization, directory).catch((error: unknown) => {
        throw unavailableFor(error, config.retryAfterSeconds);
      });
      if (verdict.outcome === 'unauthorized') {
        reply.header('www-authenticate', 'Bearer'); // RFC 9110, section 11.6.1: a 401 has to say how
        throw unauthorized();
      }
      if (verdict.outcome === 'forbidden') throw forbidden();
      request.gateway = verdict.gateway;
    },

    /** What follows from who sends it, in what form, and where it has to go. */
    requireAcceptable(request: MeasurementsRequest, _reply: FastifyReply, done: HookHandlerDoneFunction): void {
      done(refusalOf(request));
    },
  };
}
