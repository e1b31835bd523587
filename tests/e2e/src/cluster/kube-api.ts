import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { ManagedProcess } from '@gatecast/shared/testing';

/** Kubernetes refused a request. */
export class KubeApiError extends Error {
  override readonly name = 'KubeApiError';
  readonly status: number;

  constructor(request: string, status: number, text: string) {
    super(`${request}: ${status} ${messageOf(text)}`);
    this.status = status;
  }
}

const TIMEOUT_MS = 30_000;
const MERGE_PATCH = 'application/merge-patch+json';

/** Requests to the API of Kubernetes, by path. All of them throw {@link KubeApiError} when they are refused. */
export interface KubeApi {
  get<T>(path: string): Promise<T>;
  /** Undefined when there is none. */
  find<T>(path: string): Promise<T | undefined>;
  post<T>(path: string, body: unknown): Promise<T>;
  /** JSON merge patch. */
  patch<T>(path: string, body: unknown): Promise<T>;
  delete(path: string, options?: Record<string, unknown>): Promise<void>;
  /** The lines of a pod's log, as they come, until the container ends or the signal is aborted. */
  followLog(path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void>;
}

/** Through one `kubectl proxy`, so that a request costs no process of its own on a machine that is being measured. */
export class ProxiedKubeApi implements KubeApi {
  readonly #proxy: ManagedProcess;
  readonly #baseUrl: string;

  private constructor(proxy: ManagedProcess, baseUrl: string) {
    this.#proxy = proxy;
    this.#baseUrl = baseUrl;
  }

  /** @throws {TestingError} with what kubectl says */
  static async start(): Promise<ProxiedKubeApi> {
    const proxy = await ManagedProcess.start({
      command: 'kubectl',
      args: ['proxy', '--port=0', '--address=127.0.0.1'],
    });
    const [, address] = await proxy.waitForLine(/Starting to serve on (\S+)/);
    return new ProxiedKubeApi(proxy, `http://${address}`);
  }

  get<T>(path: string): Promise<T> {
    return this.#json('GET', path);
  }

  async find<T>(path: string): Promise<T | undefined> {
    try {
      return await this.get<T>(path);
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.#json('POST', path, body);
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.#json('PATCH', path, body, MERGE_PATCH);
  }

  async delete(path: string, options: Record<string, unknown> = {}): Promise<void> {
    await this.#json('DELETE', path, { apiVersion: 'v1', kind: 'DeleteOptions', ...options });
  }

  async followLog(path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    const response = await fetch(this.#baseUrl + path, { signal });
    if (!response.ok || response.body === null) throw new KubeApiError(`GET ${path}`, response.status, '');
    const lines = createInterface({ input: Readable.fromWeb(response.body) });
    for await (const line of lines) onLine(line);
  }

  async stop(): Promise<void> {
    await this.#proxy.stop();
  }

  async #json<T>(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<T> {
    const response = await fetch(this.#baseUrl + path, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': contentType } }),
    });
    const text = await response.text();
    if (!response.ok) throw new KubeApiError(`${method} ${path}`, response.status, text);
    return JSON.parse(text) as T;
  }
}

/** Of a `Status` of Kubernetes its message. */
function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
