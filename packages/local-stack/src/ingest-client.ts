import type { Problem } from '@gatecast/shared/http';
import type { MeasurementRequest } from '@gatecast/shared/model';

export interface IngestRequest {
  gatewayId: string;
  token: string;
  /** Text and bytes are sent as they are. */
  body: MeasurementRequest | string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface IngestAnswer {
  status: number;
  headers: Headers;
  /** With 202 what was accepted, else problem details. */
  body: { accepted?: number; measurementIntervalSeconds?: number } & Partial<Problem>;
}

const TIMEOUT_MS = 30_000;

/** Sends readings as a gateway does. A refusal is an answer, not an error. */
export class IngestClient {
  readonly baseUrl: string;

  constructor(baseUrl: string) {
    this.baseUrl = baseUrl;
  }

  /** Throws what `fetch` throws when there is no answer within 30 s. */
  async send({ gatewayId, token, body, headers, signal }: IngestRequest): Promise<IngestAnswer> {
    const deadline = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(`${this.baseUrl}/v1/gateways/${gatewayId}/measurements`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    });
    return { status: response.status, headers: response.headers, body: bodyOf(await response.text()) };
  }
}

function bodyOf(text: string): IngestAnswer['body'] {
  try {
    return JSON.parse(text) as IngestAnswer['body'];
  } catch (error) {
    if (error instanceof SyntaxError) return { title: text.slice(0, 200) };
    throw error;
  }
}
