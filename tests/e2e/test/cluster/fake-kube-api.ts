import { type KubeApi, KubeApiError } from '../../src/cluster/kube-api.ts';

/** Resources by path; what is asked of it is kept. */
export class FakeKubeApi implements KubeApi {
  readonly resources = new Map<string, unknown>();
  readonly requests: { method: string; path: string; body: unknown }[] = [];

  async get<T>(path: string): Promise<T> {
    this.#note('GET', path, undefined);
    if (!this.resources.has(path)) throw new KubeApiError(`GET ${path}`, 404, 'not found');
    return this.resources.get(path) as T;
  }

  async find<T>(path: string): Promise<T | undefined> {
    this.#note('GET', path, undefined);
    return this.resources.get(path) as T | undefined;
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    this.#note('POST', path, body);
    return body as T;
  }

  async patch<T>(path: string, body: unknown): Promise<T> {
    this.#note('PATCH', path, body);
    return body as T;
  }

  async delete(path: string, options: Record<string, unknown> = {}): Promise<void> {
    this.#note('DELETE', path, options);
    this.resources.delete(path);
  }

  async followLog(): Promise<void> {}

  /** Those that change something. */
  changes(): string[] {
    return this.requests.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`);
  }

  #note(method: string, path: string, body: unknown): void {
    this.requests.push({ method, path, body });
  }
}
