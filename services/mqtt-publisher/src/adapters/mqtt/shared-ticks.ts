import type { Clock } from '@gatecast/shared/lifecycle';
import type { IClientOptions } from 'mqtt';

type MqttJsTimer = Extract<IClientOptions['timerVariant'], object>;
type Callback = Parameters<MqttJsTimer['set']>[0];

interface Interval {
  callback: Callback;
  everyTicks: number;
  /** The tick it is due at. */
  due: number;
}

/** A PINGREQ may be this much early, never late. */
const TICK_MS = 250;

/**
 * The intervals by which MQTT.js keeps sessions alive, of all sessions on one timer: thousands of them with a timer each
 * wake the process for every single PINGREQ, and for every answer to one.
 */
export class SharedTicks implements MqttJsTimer {
  readonly #clock: Clock;
  readonly #intervals = new Map<number, Interval>();
  /** Ids by the tick they are due at. */
  readonly #due = new Map<number, Set<number>>();
  #lastId = 0;
  /** The last tick that was handled. */
  #handled = 0;
  #isTicking = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns what `clear` takes; never 0, which MQTT.js has for none */
  readonly set = (callback: Callback, intervalMs = 0): number => {
    const id = ++this.#lastId;
    const now = this.#clock.monotonic();
    const interval = {
      callback,
      everyTicks: Math.max(1, Math.floor(intervalMs / TICK_MS)),
      due: Math.max(tickOf(now) + 1, tickOf(now + intervalMs)),
    };
    this.#intervals.set(id, interval);
    this.#enter(id, interval);
    if (!this.#isTicking) {
      this.#isTicking = true;
      this.#handled = tickOf(now);
      this.#wait();
    }
    return id;
  };

  readonly clear = (id: number): void => {
    const interval = this.#intervals.get(id);
    if (interval === undefined) return;
    this.#intervals.delete(id);
    this.#leave(id, interval.due);
  };

  #enter(id: number, { due }: Interval): void {
    const ids = this.#due.get(due);
    if (ids) ids.add(id);
    else this.#due.set(due, new Set([id]));
  }

  #leave(id: number, due: number): void {
    const ids = this.#due.get(due);
    ids?.delete(id);
    if (ids?.size === 0) this.#due.delete(due);
  }

  #wait(): void {
    const nextMs = (this.#handled + 1) * TICK_MS - this.#clock.monotonic();
    this.#clock.setTimeout(() => this.#tick(), Math.max(0, Math.ceil(nextMs)));
  }

  #tick(): void {
    const now = tickOf(this.#clock.monotonic());
    while (this.#handled < now) {
      this.#handled += 1;
      const ids = this.#due.get(this.#handled);
      this.#due.delete(this.#handled);
      for (const id of ids ?? []) this.#fire(id, now);
    }
    this.#isTicking = this.#intervals.size > 0;
    if (this.#isTicking) this.#wait();
  }

  /** A process that stood still for many intervals makes up for none of them, as with Node's own. */
  #fire(id: number, now: number): void {
    const interval = this.#intervals.get(id);
    // An earlier one of the same tick may have cleared it.
    if (interval === undefined) return;
    interval.due = now + interval.everyTicks;
    this.#enter(id, interval);
    interval.callback();
  }
}

function tickOf(ms: number): number {
  return Math.floor(ms / TICK_MS);
}
