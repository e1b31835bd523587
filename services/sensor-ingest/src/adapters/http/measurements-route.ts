import { toProblem } from '@gatecast/shared/http';
import { completeIntegration, MeasurementRequest } from '@gatecast/shared/model';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchemaCompiler } from 'fastify';
import Type, { type Static } from 'typebox';
import { ByteBudget } from '../../domain/byte-budget.ts';
import { ByteRates } from '../../domain/byte-rates.ts';
import { contentId } from '../../domain/content-id.ts';
import { checkMeasurementRequest } from '../../domain/measurement-check.ts';
import { createAdmission } from './admission.ts';
import { contentEncodingOf, inflate, parseJson } from './body.ts';
import { requestRateHook } from './limits.ts';
import { invalidMeasurements, malformedJson, unauthorized, unavailable } from './problems.ts';
import { unavailableFor } from './refusals.ts';
import { endRequestSpan, startRequestSpan, withinRequestSpan } from './request-span.ts';
import { addRequestState } from './request-state.ts';
import type { IngestServerOptions } from './server.ts';

const Accepted = Type.Object({
  accepted: Type.Integer({ description: 'Readings that are stored and will be delivered.' }),
  measurementIntervalSeconds: Type.Integer({ description: 'The interval that the gateway should measure at.' }),
});

interface Route {
  Params: { gatewayId: string };
  Body: MeasurementRequest;
  Reply: Static<typeof Accepted>;
}

/** `POST /v1/gateways/{gatewayId}/measurements`: 202 means that the readings are stored, and nothing less. */
export async function addMeasurementsRoute(app: FastifyInstance, options: IngestServerOptions): Promise<void> {
  const { config, clock } = options;
  const byteRates = new ByteRates(
    { bytesPerMinute: config.bytesPerMinute, maxGateways: config.rememberedGateways },
    clock,
  );
  const pending = new ByteBudget(config.maxPendingBytes);
  const admission = createAdmission(options, byteRates);
  addRequestState(app);
  addBodyParser(app, options, byteRates, pending);
  app.post<Route>('/v1/gateways/:gatewayId/measurements', {
    schema: { body: MeasurementRequest, response: { 202: Accepted } },
    validatorCompiler: measurementValidator(options),
    onRequest: [
      (request, _reply, done) => {
        startRequestSpan(request);
        done();
      },
      admission.requireConnection,
      admission.requireToken,
      await requestRateHook(app, config),
      admission.requireAcceptable,
    ],
    preValidation: (request, _reply, done) => done(request.payload === null ? malformedJson() : undefined),
    handler: (request, reply) => withinRequestSpan(request, () => store(request, reply, options)),
    onError: (request, _reply, error, done) => {
      request.outcome = toProblem(error).code;
      done();
    },
    onSend: (request, reply, payload, done) => {
      finish(request, reply, options, pending);
      done(null, payload);
    },
  });
}

function addBodyParser(
  app: FastifyInstance,
  { config, metrics }: IngestServerOptions,
  byteRates: ByteRates,
  pending: ByteBudget,
): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, raw: Buffer) => {
    const encoding = contentEncodingOf(request.headers['content-encoding']);
    const body = await inflate(raw, encoding, config.maxBodyBytes);
    if (request.gateway) byteRates.charge(request.gateway.gatewayId, body.byteLength);
    if (!pending.tryReserve(body.byteLength)) throw unavailable('overloaded', config.retryAfterSeconds);
    metrics.pendingBytes.set(pending.used);
    request.reservedBytes = body.byteLength;
    request.payload = body;
    return parseJson(body);
  });
}

/** In place of Ajv, which converts and fills in by default, names each alternative of a value, and is slower. */
function measurementValidator({ config, clock }: IngestServerOptions): FastifySchemaCompiler<unknown> {
  const limits = {
    maxAheadSeconds: config.readingMaxAheadHours * 3600,
    maxAgeSeconds: config.readingMaxAgeDays * 24 * 3600,
  };
  return () => (body: unknown) => {
    const problems = checkMeasurementRequest(body, limits, clock.now());
    return problems.length === 0 ? { value: body } : { error: invalidMeasurements(problems) };
  };
}

async function store(
  request: FastifyRequest<Route>,
  reply: FastifyReply,
  { config, readings, lag, metrics }: IngestServerOptions,
): Promise<Static<typeof Accepted>> {
  const { gateway, payload } = request;
  if (!gateway || !payload) throw unauthorized(); // the hooks before have refused this
  const { gatewayId, fleet, incarnation } = gateway;
  const batch = { gatewayId, incarnation, contentId: contentId(gatewayId, incarnation, payload), body: payload };
  const { sequence, duplicate } = await readings.append(batch).catch((error: unknown) => {
    throw unavailableFor(error, config.retryAfterSeconds);
  });
  const accepted = request.body.measurements.length;
  request.outcome = duplicate ? 'repeat' : 'accepted';
  if (!duplicate) {
    lag.accepted({ gatewayId, fleet, sequence });
    metrics.readings.inc(accepted);
    metrics.bytes.inc(payload.byteLength);
  }
  reply.code(202);
  const { measurementIntervalSeconds } = completeIntegration(gatewayId, gateway.mqtt);
  return { accepted, measurementIntervalSeconds };
}

/** Runs once for every request to the route, whatever became of it. */
function finish(
  request: FastifyRequest,
  reply: FastifyReply,
  { metrics, isStopping }: IngestServerOptions,
  pending: ByteBudget,
): void {
  if (request.reservedBytes > 0) {
    pending.release(request.reservedBytes);
    request.reservedBytes = 0;
    metrics.pendingBytes.set(pending.used);
  }
  if (isStopping()) reply.header('connection', 'close');
  metrics.requests.inc({ outcome: request.outcome });
  endRequestSpan(request, reply.statusCode);
}
