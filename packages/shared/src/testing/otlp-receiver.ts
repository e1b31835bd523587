import { createServer, type IncomingMessage, type Server } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { systemClock } from '../lifecycle/clock.ts';
import { withDeadline } from '../lifecycle/deadline.ts';
import { LOOPBACK, listen } from './listen.ts';
import { type WaitForOptions, waitFor } from './wait-for.ts';

/** One span as an OTLP backend receives it. */
export interface ReceivedSpan {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string;
  /** `SpanKind` of OTLP: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface OtlpAttribute {
  key: string;
  value: Record<string, unknown>;
}

interface OtlpRequest {
  resourceSpans?: {
    resource?: { attributes?: OtlpAttribute[] };
    scopeSpans?: {
      spans?: {
        name: string;
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        kind: number;
        attributes?: OtlpAttribute[];
      }[];
    }[];
  }[];
}

const STOP_DEADLINE_MS = 2_000;

/** An OTLP backend for tests: takes traces over HTTP with JSON bodies and keeps them. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly #server: Server;
  #port = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#receive(request).then(
        () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
        (error) => response.writeHead(400).end(String(error)),
      );
    });
  }

  static async start(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    receiver.#port = await listen(receiver.#server);
    return receiver;
  }

  get port(): number {
    return this.#port;
  }

  /** Environment that makes a service export every trace here, soon. */
  get env(): Record<string, string> {
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://${LOOPBACK}:${this.#port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_TRACES_SAMPLER: 'always_on',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    };
  }

  /** The spans of a trace, once `complete` says that all are there. */
  async waitForTrace(
    complete: (spans: readonly ReceivedSpan[]) => boolean,
    options: WaitForOptions = {},
  ): Promise<readonly ReceivedSpan[]> {
    return waitFor(
      () => {
        const byTrace = Map.groupBy(this.spans, (span) => span.traceId);
        return [...byTrace.values()].find(complete);
      },
      { describe: () => `a complete trace among ${this.spans.map(({ name }) => name).join(', ')}`, ...options },
    );
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await withDeadline(closed, STOP_DEADLINE_MS, 'stopping the OTLP receiver', systemClock);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #receive(request: IncomingMessage): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const json = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    const { resourceSpans = [] } = JSON.parse(json.toString('utf8')) as OtlpRequest;
    for (const { resource, scopeSpans = [] } of resourceSpans) {
      const service = String(attributesOf(resource?.attributes)['service.name'] ?? '');
      for (const span of scopeSpans.flatMap(({ spans = [] }) => spans)) {
        const { name, traceId, spanId, parentSpanId = '', kind } = span;
        this.spans.push({
          service,
          name,
          traceId,
          spanId,
          parentSpanId,
          kind,
          attributes: attributesOf(span.attributes),
        });
      }
    }
  }
}

/** OTLP wraps each value in an object that names its type. */
function attributesOf(attributes: readonly OtlpAttribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
