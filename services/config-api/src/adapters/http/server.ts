import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { useProblemDetails } from '@gatecast/shared/http';
import type { Logger } from '@gatecast/shared/logging';
import { Counter, type Registry } from '@prometheus-io/client';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { ApiKeys } from '../../application/api-keys.ts';
import type { Authenticator } from '../../application/authenticator.ts';
import type { DeadLetters } from '../../application/dead-letters.ts';
import type { Fleets } from '../../application/fleets.ts';
import type { Gateways } from '../../application/gateways.ts';
import type { Integrations } from '../../application/integrations.ts';
import type { StatusEvents } from '../../application/ports.ts';
import type { Sensors } from '../../application/sensors.ts';
import type { StatusReader } from '../../application/status-reader.ts';
import type { Workspaces } from '../../application/workspaces.ts';
import { requireApiKeys } from './access.ts';
import { apiKeyRoutes } from './api-keys/routes.ts';
import { deadLetterRoutes } from './dead-letters/routes.ts';
import { translateError } from './errors.ts';
import { fleetRoutes } from './fleets/routes.ts';
import { gatewayRoutes } from './gateways/routes.ts';
import { integrationRoutes } from './integrations/routes.ts';
import { OPENAPI } from './openapi.ts';
import { observeRequests } from './request-log.ts';
import { sensorRoutes } from './sensors/routes.ts';
import { statusRoutes } from './status/routes.ts';
import { traceRequests } from './tracing.ts';
import { compileRequestValidator } from './validation.ts';
import { workspaceRoutes } from './workspaces/routes.ts';

const BODY_LIMIT_BYTES = 256 * 1024;
/** A request that takes longer to arrive is given up, ms. */
const REQUEST_TIMEOUT_MS = 30_000;

export interface ServerOptions {
  authenticator: Authenticator;
  workspaces: Workspaces;
  fleets: Fleets;
  gateways: Gateways;
  integrations: Integrations;
  sensors: Sensors;
  deadLetters: DeadLetters;
  apiKeys: ApiKeys;
  reader: StatusReader;
  events: StatusEvents;
  defaultFleet: string;
  authFailuresPerMinute: number;
  /** Proxies whose `X-Forwarded-For` is believed: comma-separated addresses or CIDRs. */
  trustedProxies: string | undefined;
  registry: Registry;
  log: Logger;
}

/** The HTTP side of the service, not listening yet. */
export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const app: FastifyInstance = Fastify({
    loggerInstance: options.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    trustProxy: options.trustedProxies ?? false,
  });
  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(compileRequestValidator);
  useProblemDetails(app);
  traceRequests(app);
  observeRequests(app, options.registry);
  await app.register(rateLimit, { global: false });
  const authFailures = new Counter({
    name: 'gatecast_config_auth_failures_total',
    help: 'Requests refused for want of a valid API key.',
    labelNames: ['reason'],
    registers: [options.registry],
  });
  requireApiKeys(app, {
    authenticator: options.authenticator,
    authFailuresPerMinute: options.authFailuresPerMinute,
    onAuthFailure: (reason) => authFailures.inc({ reason }),
  });
  await describeApi(app);
  await app.register((v1, _options, done) => registerResources(v1, options, done), { prefix: '/v1' });
  return app;
}

function registerResources(v1: FastifyInstance, options: ServerOptions, done: () => void): void {
  const { workspaces, fleets, gateways, integrations, sensors, apiKeys, reader, events, defaultFleet } = options;
  v1.setErrorHandler((error) => {
    // What is thrown here goes on to the handler around this one, which answers with problem details.
    throw translateError(error);
  });
  acceptJson(v1);
  void v1.register(workspaceRoutes(workspaces));
  void v1.register(fleetRoutes(fleets));
  void v1.register(gatewayRoutes({ gateways, reader, defaultFleet }));
  void v1.register(integrationRoutes({ gateways, integrations }));
  void v1.register(statusRoutes({ gateways, reader, events }));
  void v1.register(sensorRoutes(sensors));
  void v1.register(deadLetterRoutes(options.deadLetters));
  void v1.register(apiKeyRoutes(apiKeys));
  done();
}

/** JSON and JSON merge patch. Clients that say JSON and send nothing, as many do with DELETE, mean nothing by it. */
function acceptJson(v1: FastifyInstance): void {
  const parse = v1.getDefaultJsonParser('error', 'error');
  v1.removeContentTypeParser('application/json');
  v1.addContentTypeParser<string>(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'string' },
    (request, body, done) => {
      const takesBody = request.routeOptions.schema?.body !== undefined;
      if (body === '' && !takesBody) done(null, undefined);
      else parse(request, body, done);
    },
  );
}

async function describeApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, OPENAPI);
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    // Everything the page needs comes from here: it works without any other network.
    staticCSP: "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'",
    uiConfig: { deepLinking: true, persistAuthorization: false, validatorUrl: null },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
