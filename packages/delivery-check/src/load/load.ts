import type { GatewayLoad } from './gateway-load.ts';
import { sleep } from './sleep.ts';

/** How long requests under way at the end may still take. */
const FINISH_MS = 20_000;

/** All gateways of a run, sending side by side. */
export class Load {
  readonly gateways: GatewayLoad[];
  readonly #stop = new AbortController();
  readonly #giveUp = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(gateways: GatewayLoad[]) {
    this.gateways = gateways;
  }

  start(): void {
    this.#running = Promise.all(this.gateways.map((gateway) => gateway.run(this.#stop.signal, this.#giveUp.signal)));
  }

  get acceptedCount(): number {
    return this.gateways.reduce((sum, { accepted }) => sum + accepted.length, 0);
  }

  get refusals(): number {
    return this.gateways.flatMap(({ refusals }) => [...refusals.values()]).reduce((sum, count) => sum + count, 0);
  }

  /** A burst of one gateway beside its regular readings would reorder them: only for one that does not run. */
  get giveUp(): AbortSignal {
    return this.#giveUp.signal;
  }

  /** Sends nothing new; requests under way have 20 s to be accepted. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.race([this.#running, sleep(FINISH_MS, this.#giveUp.signal)]);
    this.#giveUp.abort();
    await this.#running;
  }
}
