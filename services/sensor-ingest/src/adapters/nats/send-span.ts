import { isSampled } from '@gatecast/shared/telemetry';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

const tracer = trace.getTracer('gatecast-sensor-ingest');

export interface Send {
  subject: string;
  contentId: string;
  bytes: number;
}

/** Runs `send` in a producer span (messaging semantic conventions) when the active trace is recorded. */
export async function traceSend<T>({ subject, contentId, bytes }: Send, send: () => Promise<T>): Promise<T> {
  if (!isSampled(context.active())) return await send();
  const attributes = {
    'messaging.system': 'nats',
    'messaging.operation.type': 'send',
    'messaging.operation.name': 'publish',
    'messaging.destination.name': subject,
    'messaging.destination.template': 'readings.{partition}.{gatewayId}',
    'messaging.message.id': contentId,
    'messaging.message.body.size': bytes,
  };
  return await tracer.startActiveSpan('send readings', { kind: SpanKind.PRODUCER, attributes }, async (span) => {
    try {
      return await send();
    } catch (error) {
      span.recordException(error as Error);
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
