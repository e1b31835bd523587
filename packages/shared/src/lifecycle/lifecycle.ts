import type { Logger } from '../logging/index.ts';
import type { Clock } from './clock.ts';
import { withDeadline } from './deadline.ts';

/**
 * - `starting`: connecting, waiting for streams and buckets; not ready.
 * - `running`: ready for work.
 * - `draining`: stop was asked for; takes no new work, finishes what is under way.
 * - `stopped`: every phase ended, or ran into its deadline.
 */
export type LifecycleState = 'starting' | 'running' | 'draining' | 'stopped';

interface StopPhase {
  name: string;
  deadlineMs: number;
  stop: () => Promise<void>;
}

/**
 * Start and ordered stop of a service. Whatever starts registers how it stops; stopping runs the phases one by one in
 * reverse order, so that nothing is taken away from under something that still uses it. A phase that fails or hangs is
 * logged and does not keep the others from stopping.
 */
export class Lifecycle {
  #state: LifecycleState = 'starting';
  readonly #phases: StopPhase[] = [];
  readonly #log: Logger;
  readonly #clock: Clock;
  #stopping: Promise<boolean> | undefined;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  get state(): LifecycleState {
    return this.#state;
  }

  /** Registers how something that has just started stops. `deadlineMs` bounds that phase alone. */
  onStop(name: string, deadlineMs: number, stop: () => Promise<void>): void {
    this.#phases.push({ name, deadlineMs, stop });
  }

  started(): void {
    if (this.#state === 'starting') this.#to('running');
  }

  /** Ends everything. Repeated calls return the same promise. Resolves to false when a phase failed. */
  stop(): Promise<boolean> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<boolean> {
    this.#to('draining');
    let clean = true;
    // What is still starting may register while the others stop.
    for (let phase = this.#phases.pop(); phase; phase = this.#phases.pop()) {
      const began = this.#clock.monotonic();
      try {
        await withDeadline(phase.stop(), phase.deadlineMs, `stopping ${phase.name}`, this.#clock);
        this.#log.debug({ phase: phase.name, ms: Math.round(this.#clock.monotonic() - began) }, 'phase stopped');
      } catch (error) {
        clean = false;
        this.#log.error({ err: error, phase: phase.name }, 'phase did not stop cleanly');
      }
    }
    this.#to('stopped');
    return clean;
  }

  #to(state: LifecycleState): void {
    this.#log.info({ from: this.#state, to: state }, 'lifecycle');
    this.#state = state;
  }
}
