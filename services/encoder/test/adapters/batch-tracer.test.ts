import { recordedSpans } from '@gatecast/shared/testing';
import { headers, type MsgHdrs } from '@nats-io/nats-core';
import { SpanKind } from '@opentelemetry/api';
import { beforeEach, describe, expect, it } from 'vitest';
import { BatchTracer } from '../../src/adapters/telemetry/batch-tracer.ts';
import type { SourceMessage } from '../../src/application/ports.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_ID = 'b7ad6b7169203331';

const exporter = recordedSpans();
beforeEach(() => exporter.reset());

/** Traces one batch; returns the headers of the message that it became. */
function traced(traceparent: string | undefined): MsgHdrs {
  const received = headers();
  if (traceparent) received.set('traceparent', traceparent);
  const source: SourceMessage = {
    sequence: 7,
    gatewayId: 'gw1',
    acceptedAt: 0,
    headers: received,
    body: Buffer.from('{}'),
    envelope: { kind: 'readable', incarnation: 'A', content: 'measurements', isRequeued: false, isFromGateway: true },
  };
  const sent = headers();
  const trace = new BatchTracer('READINGS').begin(source);
  trace.inject(sent);
  trace.end();
  return sent;
}

describe('BatchTracer', () => {
  it('puts a consumer span between the request and what comes after', () => {
    const sent = traced(`00-${TRACE_ID}-${PARENT_ID}-01`);
    const [span] = exporter.getFinishedSpans();
    expect(span).toMatchObject({ name: 'encode', kind: SpanKind.CONSUMER });
    expect(span?.parentSpanContext?.spanId).toBe(PARENT_ID);
    expect(span?.attributes).toMatchObject({ 'messaging.system': 'nats', 'gatecast.gateway.id': 'gw1' });
    expect(sent.get('traceparent')).toBe(`00-${TRACE_ID}-${span?.spanContext().spanId}-01`);
  });

  it('makes no span of what is not sampled, and passes its context on', () => {
    const sent = traced(`00-${TRACE_ID}-${PARENT_ID}-00`);
    expect(exporter.getFinishedSpans()).toEqual([]);
    expect(sent.get('traceparent')).toBe(`00-${TRACE_ID}-${PARENT_ID}-00`);
  });

  it('leaves a batch without a trace without one', () => {
    expect(traced(undefined).has('traceparent')).toBe(false);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});
