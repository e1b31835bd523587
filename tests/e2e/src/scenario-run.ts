import { pick, type Random, sleep } from '@gatecast/delivery-check/load';
import { waitFor } from '@gatecast/shared/testing';
import type { KubeApi } from './cluster/kube-api.ts';
import type { E2eEnvironment } from './environment.ts';
import type { LoadRun } from './load-run.ts';
import type { Release } from './release/release.ts';
import type { Testbed } from './testbed/testbed.ts';

export interface ScenarioRunParts {
  readonly api: KubeApi;
  readonly environment: E2eEnvironment;
  readonly release: Release;
  readonly testbed: Testbed;
  readonly load: LoadRun;
  readonly random: Random;
  readonly slack: number;
  readonly note: (text: string) => void;
  readonly signal: AbortSignal;
}

/** What a scenario works with while it runs. Every wait has a deadline. */
export class ScenarioRun {
  readonly api: KubeApi;
  readonly environment: E2eEnvironment;
  readonly release: Release;
  readonly testbed: Testbed;
  readonly load: LoadRun;
  readonly random: Random;
  /** Figures of this scenario's own, for its line. */
  readonly extras = new Map<string, string>();
  /** What was promised and not kept, beside what the checker finds. */
  readonly broken: string[] = [];
  readonly note: (text: string) => void;
  readonly #slack: number;
  readonly #signal: AbortSignal;

  constructor(parts: ScenarioRunParts) {
    this.api = parts.api;
    this.environment = parts.environment;
    this.release = parts.release;
    this.testbed = parts.testbed;
    this.load = parts.load;
    this.random = parts.random;
    this.note = parts.note;
    this.#slack = parts.slack;
    this.#signal = parts.signal;
  }

  /** An owner goes without a record of what was acknowledged: gateways may be given five windows twice. */
  crashed(what: string): void {
    this.note(what);
    this.load.crashes += 1;
  }

  pick<T>(items: readonly T[]): T {
    return pick(this.random, items);
  }

  expect(kept: boolean, promise: string): void {
    if (!kept) this.broken.push(promise);
  }

  /** A promise about a time. It shows in the scenario's line. */
  expectWithin(what: string, tookMs: number, allowedMs: number): void {
    const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
    this.extras.set(what, seconds(tookMs));
    this.expect(tookMs <= allowedMs * this.#slack, `${what} ${seconds(tookMs)}, ${seconds(allowedMs)} promised`);
  }

  /** Lets it go on for so long. @throws when the run is given up */
  async lasting(ms: number): Promise<void> {
    await sleep(ms, this.#signal);
    this.#signal.throwIfAborted();
  }

  /** @throws {TestingError} `WAIT_TIMEOUT` */
  async until(condition: () => unknown, describe: string | (() => string), timeoutMs: number): Promise<void> {
    await waitFor(
      async () => {
        this.#signal.throwIfAborted();
        return Boolean(await condition());
      },
      { timeoutMs, intervalMs: 500, describe },
    );
  }

  /** @throws when the run is given up */
  throwIfGivenUp(): void {
    this.#signal.throwIfAborted();
  }
}
