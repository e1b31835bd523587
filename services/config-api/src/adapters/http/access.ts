import { HttpProblem } from '@gatecast/shared/http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticator } from '../../application/authenticator.ts';
import { type Access, decideAccess, type Principal } from '../../domain/access/scope.ts';
import { missing } from '../../domain/refusal.ts';
import { translateError } from './errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route asks of its caller. A route that does not say is not registered. */
    access?: Access;
  }
  interface FastifyRequest {
    /** Set on every route but the public ones. */
    principal: Principal | undefined;
  }
}

/** The only paths that may be read without a key: the description of the API. */
const PUBLIC_PREFIXES = ['/openapi.json', '/docs'];

export interface AccessOptions {
  authenticator: Pick<Authenticator, 'authenticate'>;
  /** Failed authentications that one address may have in a minute, before it is answered 429. */
  authFailuresPerMinute: number;
  onAuthFailure: (reason: 'missing' | 'unknown' | 'limited') => void;
}

/**
 * Denies by default: a route has to declare whom it is for, or the service does not start, and no request reaches a
 * handler, nor its body the memory, before its key was checked.
 * Needs `@fastify/rate-limit` to be registered.
 */
export function requireApiKeys(app: FastifyInstance, options: AccessOptions): void {
  const { authenticator, authFailuresPerMinute, onAuthFailure } = options;
  const countFailure = app.createRateLimit({ max: authFailuresPerMinute, timeWindow: 60_000 });
  app.decorateRequest('principal', undefined);

  app.addHook('onRoute', (route) => {
    const isPublicPath = PUBLIC_PREFIXES.some((prefix) => route.url === prefix || route.url.startsWith(`${prefix}/`));
    if (isPublicPath) route.config = { ...route.config, access: 'public' };
    else if (route.config?.access === undefined || route.config.access === 'public') {
      throw new TypeError(`${String(route.method)} ${route.url} does not say whom it is for`);
    }
  });

  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return;
    const { access } = request.routeOptions.config;
    if (access === 'public') return;
    const key = bearerToken(request.headers.authorization);
    const principal = key === undefined ? undefined : authenticator.authenticate(key);
    if (!principal) {
      await refuse(request, reply, key === undefined ? 'missing' : 'unknown');
      return;
    }
    request.principal = principal;
    const { ws } = request.params as { ws?: string };
    const decision = access === undefined ? 'forbidden' : decideAccess(principal, access, ws);
    if (decision === 'hidden') throw translateError(missing('workspace'));
    if (decision === 'forbidden') throw new HttpProblem(403, 'forbidden', 'This key may not do that');
  });

  const refuse = async (request: FastifyRequest, reply: FastifyReply, reason: 'missing' | 'unknown') => {
    const count = await countFailure(request);
    if (!count.isAllowed && count.isExceeded) {
      onAuthFailure('limited');
      const retryAfterSeconds = Math.max(1, count.ttlInSeconds);
      throw new HttpProblem(429, 'too_many_failures', 'Too many failed authentications', { retryAfterSeconds });
    }
    onAuthFailure(reason);
    reply.header('www-authenticate', 'Bearer');
    throw new HttpProblem(401, 'unauthenticated', 'Send a valid API key as bearer token');
  };
}

/** The principal of a request to a route that is not public. */
export function principalOf(request: FastifyRequest): Principal {
  if (!request.principal) throw new TypeError('a public route asked for its principal');
  return request.principal;
}

function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +([\x21-\x7e]{1,256})$/i.exec(authorization ?? '')?.[1];
}
