import type { MessageHeaders } from '@gatecast/shared/nats';
import { extractTrace, injectTrace, isSampled } from '@gatecast/shared/telemetry';
import { type Context, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import type { BatchTrace, SourceMessage, TracerPort } from '../../application/ports.ts';

const UNTRACED: BatchTrace = { inject() {}, end() {} };

/** One consumer span a batch, in the trace of the request that brought it; unsampled ones only pass their context on. */
export class BatchTracer implements TracerPort {
  readonly #tracer = trace.getTracer('gatecast-encoder');
  readonly #stream: string;

  constructor(stream: string) {
    this.#stream = stream;
  }

  begin(source: SourceMessage): BatchTrace {
    const parent = extractTrace(source.headers);
    if (parent === ROOT_CONTEXT) return UNTRACED;
    if (!isSampled(parent)) return passedOn(parent);
    const span = this.#tracer.startSpan(
      'encode',
      {
        kind: SpanKind.CONSUMER,
        attributes: {
          'messaging.system': 'nats',
          'messaging.operation.name': 'encode',
          'messaging.operation.type': 'process',
          'messaging.destination.name': this.#stream,
          'messaging.message.body.size': source.body.byteLength,
          'gatecast.gateway.id': source.gatewayId,
          'gatecast.readings.sequence': source.sequence,
        },
      },
      parent,
    );
    return { ...passedOn(trace.setSpan(parent, span)), end: () => span.end() };
  }
}

function passedOn(context: Context): BatchTrace {
  return { inject: (headers: MessageHeaders) => injectTrace(headers, context), end() {} };
}
