import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { recordedSpans } from '@gatecast/shared/testing';
import { context, SpanKind, trace } from '@opentelemetry/api';
import { beforeEach, describe, expect, it } from 'vitest';
import { ADMIN_KEY, createHarness } from '../../harness.ts';

const exporter = recordedSpans();

beforeEach(() => exporter.reset());

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const traceparent = `00-${TRACE_ID}-b7ad6b7169203331-01`;

/** Sends the head, and the body once the server has asked for it. Resolves to the status code. */
async function postInTwoSteps(url: string, body: string): Promise<number | undefined> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, traceparent, 'content-type': 'application/json' };
  const outgoing = httpRequest(url, { method: 'POST', headers: { ...headers, expect: '100-continue' } });
  outgoing.flushHeaders();
  await once(outgoing, 'continue');
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}

describe('a request', () => {
  it('is a SERVER span that continues the caller’s trace', async () => {
    const { request, withWorkspace, withGateway } = await createHarness();
    await withWorkspace();
    const { url } = await withGateway();
    exporter.reset();
    await request('GET', `${url}?`, { headers: { traceparent } });
    const [span] = exporter.getFinishedSpans();
    expect(span).toMatchObject({ name: 'GET /v1/workspaces/:ws/gateways/:gw', kind: SpanKind.SERVER });
    expect(span!.spanContext().traceId).toBe(TRACE_ID);
    expect(span!.attributes).toEqual({
      'http.request.method': 'GET',
      'http.route': '/v1/workspaces/:ws/gateways/:gw',
      'http.response.status_code': 200,
      'gatecast.gateway.id': 'gw-1',
    });
  });

  it('is what its handler runs in, also after a body was read', async () => {
    const { app, withWorkspace, buckets } = await createHarness();
    await withWorkspace();
    let seen: string | undefined;
    buckets.gateways.beforeNextWrite(() => {
      seen = trace.getSpanContext(context.active())?.traceId;
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as { port: number };
    // Over a real connection, and with the body in a packet of its own, which must not lose the context.
    const status = await postInTwoSteps(`http://127.0.0.1:${port}/v1/workspaces/acme/gateways`, '{"gatewayId":"gw-1"}');
    expect(status).toBe(201);
    expect(seen).toBe(TRACE_ID);
  });

  it('that fails on our side is an error, one that is refused is not', async () => {
    const { request, buckets } = await createHarness();
    await request('GET', '/v1/workspaces/nowhere');
    buckets.workspaces.failure = new Error('unexpected') as never;
    await request('POST', '/v1/workspaces', { body: { workspace: 'new' } });
    const [refused, failed] = exporter.getFinishedSpans();
    expect([refused!.attributes['http.response.status_code'], refused!.status.code]).toEqual([404, 0]);
    expect([failed!.attributes['http.response.status_code'], failed!.status.code]).toEqual([500, 2]);
  });

  it('leaves no secret in its span', async () => {
    const { request, withWorkspace, withGateway } = await createHarness();
    await withWorkspace();
    const { url, etag } = await withGateway();
    const body = { host: 'b.example', username: 'u', password: 'correct-horse' };
    await request('PUT', `${url}/integrations/mqtt`, { body, ifMatch: etag });
    const spans = JSON.stringify(
      exporter.getFinishedSpans().map(({ name, attributes, events }) => [name, attributes, events]),
    );
    expect(spans).toContain('integrations/mqtt');
    expect(spans).not.toContain('correct-horse');
  });
});
