import {
  type Context,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type TextMapGetter,
  type TextMapSetter,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { MessageHeaders } from '../nats/index.ts';

const setter: TextMapSetter<MessageHeaders> = { set: (headers, key, value) => headers.set(key, value) };
const getter: TextMapGetter<MessageHeaders> = {
  keys: (headers) => headers.keys(),
  get: (headers, key) => headers.get(key) || undefined,
};

/** Writes `traceparent` and `tracestate` of `from` (default: the active context) into NATS headers. */
export function injectTrace(headers: MessageHeaders, from: Context = context.active()): void {
  propagation.inject(from, headers, setter);
}

/** The context that a message was sent in; the root context without headers. */
export function extractTrace(headers: MessageHeaders | undefined): Context {
  return headers?.has('traceparent') ? propagation.extract(ROOT_CONTEXT, headers, getter) : ROOT_CONTEXT;
}

/** Whether the trace of `ctx` is recorded: unsampled messages must cost no spans. */
export function isSampled(ctx: Context): boolean {
  const span = trace.getSpanContext(ctx);
  return span !== undefined && isSpanContextValid(span) && (span.traceFlags & TraceFlags.SAMPLED) !== 0;
}
