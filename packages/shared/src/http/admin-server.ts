import { collectDefaultMetrics, type Registry } from '@prometheus-io/client';
import Fastify from 'fastify';

export interface AdminServerOptions {
  host: string;
  /** 0 picks a free port. */
  port: number;
  registry: Registry;
  /** Why this process cannot work now, or undefined when it can. */
  notReady: () => string | undefined;
}

export interface AdminServer {
  /** The port that it listens on. */
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * `/livez`: the event loop turns; never looks at NATS or a broker, whose outage no restart mends. `/readyz`: this
 * process is able to work (503 with the reason when not). `/metrics`: Prometheus.
 */
export async function startAdminServer({ host, port, registry, notReady }: AdminServerOptions): Promise<AdminServer> {
  collectDefaultMetrics({ register: registry });
  const app = Fastify({ logger: false, forceCloseConnections: true });
  app.get('/livez', (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', (_request, reply) => {
    const reason = notReady();
    return reply
      .code(reason === undefined ? 200 : 503)
      .type('text/plain')
      .send(`${reason ?? 'ok'}\n`);
  });
  app.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
  await app.listen({ host, port });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the admin server has no TCP address');
  return { port: address.port, stop: () => app.close() };
}
