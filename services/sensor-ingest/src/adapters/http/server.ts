import { useProblemDetails } from '@gatecast/shared/http';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { IngestConfig } from '../../config.ts';
import type { GatewayDirectory } from '../../domain/gateway-directory.ts';
import type { LineLag } from '../../domain/line-lag.ts';
import type { ReadingsLog } from '../../domain/readings-log.ts';
import type { IngestMetrics } from '../metrics/ingest-metrics.ts';
import { refuseUnderPressure } from './limits.ts';
import { addMeasurementsRoute } from './measurements-route.ts';
import { unavailable } from './problems.ts';

export interface IngestServerOptions {
  config: IngestConfig;
  directory: GatewayDirectory;
  readings: ReadingsLog;
  lag: LineLag;
  metrics: IngestMetrics;
  clock: Clock;
  log: Logger;
  /** Once true, new requests are refused and connections are closed after their answer. */
  isStopping: () => boolean;
}

/** The HTTP side of the ingest; listens nowhere yet. */
export async function createIngestServer(options: IngestServerOptions): Promise<FastifyInstance> {
  const { config, log, isStopping } = options;
  const app: FastifyInstance = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    // A child logger per request costs more than it tells: what is logged carries the trace id.
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.maxBodyBytes,
    requestTimeout: config.requestTimeoutMs,
    return503OnClosing: false,
  });
  useProblemDetails(app);
  app.addHook('onRequest', (_request, reply, done) => {
    if (!isStopping()) return done();
    reply.header('connection', 'close');
    done(unavailable('stopping', config.retryAfterSeconds));
  });
  await refuseUnderPressure(app, config);
  await addMeasurementsRoute(app, options);
  return app;
}
