import type { GatewayRecord } from '@gatecast/shared/model';
import type { Context, Span } from '@opentelemetry/api';
import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sent this; set by the token check. */
    gateway: GatewayRecord | null;
    /** The body, inflated, byte for byte. */
    payload: Buffer | null;
    /** Bytes of `payload` that the budget of pending bytes holds. */
    reservedBytes: number;
    /** `accepted`, `repeat`, or the code of the problem. */
    outcome: string;
    /** Only in a trace that is recorded. */
    recording: { readonly span: Span; readonly context: Context } | null;
  }
}

export function addRequestState(app: FastifyInstance): void {
  app.decorateRequest('gateway', null);
  app.decorateRequest('payload', null);
  app.decorateRequest('reservedBytes', 0);
  app.decorateRequest('outcome', 'unknown');
  app.decorateRequest('recording', null);
}
