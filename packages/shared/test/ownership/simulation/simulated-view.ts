import { TIMING } from './parameters.ts';
import type { BucketListener, SimulatedBucket } from './simulated-bucket.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { World } from './world.ts';

/** A process's copy of a bucket: events come late, in order, or not at all; it lists again once per TTL. */
export class SimulatedView<T> {
  readonly #world: World;
  readonly #process: SimulatedProcess;
  readonly #bucket: SimulatedBucket<T>;
  readonly #listener: BucketListener<T>;
  readonly #known = new Set<string>();
  readonly #unfollow: () => void;
  /** Counts listings: what belongs to a former one is ignored. */
  #generation = 0;
  #lastArrival = 0;
  #isStopped = false;

  constructor(world: World, process: SimulatedProcess, bucket: SimulatedBucket<T>, listener: BucketListener<T>) {
    this.#world = world;
    this.#process = process;
    this.#bucket = bucket;
    this.#listener = listener;
    this.#unfollow = bucket.follow((key, current, gone) => {
      if (process.canReachNats && !world.isLost()) this.#arrive(this.#generation, () => this.#show(key, current, gone));
    });
    for (const [key, current] of bucket.entries()) this.#show(key, current);
    this.#relistNowAndThen();
  }

  relist(): void {
    if (!this.#process.canReachNats) return;
    this.#generation += 1;
    const listing = this.#bucket.entries();
    this.#arrive(this.#generation, () => {
      const listed = new Set(listing.map(([key]) => key));
      for (const key of [...this.#known]) if (!listed.has(key)) this.#show(key, undefined, 'missed');
      for (const [key, current] of listing) this.#show(key, current);
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#unfollow();
  }

  #relistNowAndThen(): void {
    this.#process.later(TIMING.ttlMs, () => {
      if (this.#isStopped) return;
      this.relist();
      this.#relistNowAndThen();
    });
  }

  #arrive(generation: number, show: () => void): void {
    const { scheduler } = this.#world;
    this.#lastArrival = Math.max(this.#lastArrival, scheduler.now + this.#world.natsLatency());
    scheduler.after(this.#lastArrival - scheduler.now, () => {
      this.#process.run(() => {
        if (generation !== this.#generation || this.#isStopped) return;
        show();
        this.#process.tick();
      });
    });
  }

  #show(...[key, current, gone]: Parameters<BucketListener<T>>): void {
    if (current) this.#known.add(key);
    else this.#known.delete(key);
    this.#listener(key, current, gone);
  }
}
