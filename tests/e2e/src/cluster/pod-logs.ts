import { sleep } from '@gatecast/delivery-check/load';
import type { Namespace } from './namespace.ts';
import type { Pod } from './resources.ts';

const POLL_MS = 2_000;

/** Keeps what the containers of namespaces say, of pods that are gone too. */
export class PodLogs {
  readonly #stop = new AbortController();
  readonly #followed = new Set<string>();
  /** When the connection to a container's log broke, which happens to one that says nothing for long. */
  readonly #brokenAt = new Map<string, string>();
  readonly #write: (pod: string, line: string) => void;
  readonly #running: Promise<unknown>;

  constructor(namespaces: readonly Namespace[], write: (pod: string, line: string) => void) {
    this.#write = write;
    this.#running = Promise.all(namespaces.map((namespace) => this.#watch(namespace)));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #watch(namespace: Namespace): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const pods = await namespace.pods().catch(() => []); // the namespace, or the API, is away just now
      for (const pod of pods) this.#follow(namespace, pod);
      await sleep(POLL_MS, signal);
    }
  }

  #follow(namespace: Namespace, { metadata, spec, status }: Pod): void {
    if (status.phase === 'Pending') return;
    for (const [index, { name }] of spec.containers.entries()) {
      const key = `${metadata.uid} ${name} ${status.containerStatuses?.[index]?.restartCount ?? 0}`;
      if (this.#followed.has(key)) continue;
      this.#followed.add(key);
      const query = new URLSearchParams({ follow: 'true', container: name });
      const since = this.#brokenAt.get(key);
      if (since !== undefined) query.set('sinceTime', since);
      const path = `/api/v1/namespaces/${namespace.name}/pods/${metadata.name}/log?${query}`;
      const write = (line: string) => this.#write(metadata.name, line);
      namespace.api.followLog(path, write, this.#stop.signal).catch(() => {
        this.#brokenAt.set(key, new Date().toISOString());
        this.#followed.delete(key); // again, as long as the pod is there
      });
    }
  }
}
