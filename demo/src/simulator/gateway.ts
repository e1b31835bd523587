import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { Outcome } from './answer.ts';
import { SendQueue } from './send-queue.ts';
import { SensorValues } from './sensor-values.ts';
import { intervalMsOf, type Pace, type SimulatedGatewaySettings } from './settings.ts';

export interface SimulatedGatewayOptions {
  readonly settings: SimulatedGatewaySettings;
  readonly pace: Pace;
  readonly post: (body: string, signal: AbortSignal) => Promise<Outcome>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

interface Sensor {
  readonly sensorId: string;
  readonly values: SensorValues;
  /** Its place within the interval, 0 to 1: sensors do not measure all at once. */
  readonly phase: number;
  /** Monotonic ms of its last turn, jitter left out. */
  turn: number;
  /** Unix seconds of its last reading. */
  time: number;
  timer: { cancel(): void } | undefined;
}

/** Part of the interval by which a reading may come later than its turn. */
const JITTER = 0.05;
const FIRMWARE_VERSION = 'demo-1.0.0';

/** A gateway with its sensors: measures at the interval that the ingest's answers tell it. */
export class SimulatedGateway {
  readonly #options: SimulatedGatewayOptions;
  readonly #queue: SendQueue;
  readonly #sensors: readonly Sensor[];
  #intervalMs: number;

  constructor(options: SimulatedGatewayOptions) {
    const { settings, pace, post, clock, random, log } = options;
    this.#options = options;
    this.#intervalMs = intervalMsOf(pace);
    this.#sensors = settings.sensors.map(({ kind, about }, index) => ({
      sensorId: about.sensorId,
      values: new SensorValues(kind, random),
      phase: (index + random()) / settings.sensors.length,
      turn: 0,
      time: 0,
      timer: undefined,
    }));
    this.#queue = new SendQueue({
      about: { firmwareVersion: FIRMWARE_VERSION, sensors: settings.sensors.map(({ about }) => about) },
      post,
      onInterval: (seconds) => this.#follow(seconds),
      onRefused: () => this.#cancelTimers(),
      clock,
      random,
      log,
    });
  }

  get totals(): SendQueue['totals'] {
    return this.#queue.totals;
  }

  /** One sensor at once, so that there is something to see; the others within the first interval. */
  start(): void {
    const now = this.#options.clock.monotonic();
    for (const [index, sensor] of this.#sensors.entries()) {
      sensor.turn = now - this.#intervalMs + (index === 0 ? 0 : sensor.phase * this.#intervalMs);
      this.#schedule(sensor);
    }
  }

  async stop(): Promise<void> {
    this.#cancelTimers();
    await this.#queue.stop();
  }

  #cancelTimers(): void {
    for (const sensor of this.#sensors) sensor.timer?.cancel();
  }

  #follow(seconds: number): void {
    const intervalMs = intervalMsOf(this.#options.pace, seconds);
    if (intervalMs === this.#intervalMs) return;
    this.#options.log.info({ seconds, everyMs: intervalMs }, 'measurement interval changed');
    this.#intervalMs = intervalMs;
    for (const sensor of this.#sensors) this.#schedule(sensor);
  }

  /** The next turn of a sensor. One that is over already, after a change of the interval, is now. */
  #schedule(sensor: Sensor): void {
    const { clock, random } = this.#options;
    sensor.timer?.cancel();
    const due = sensor.turn + this.#intervalMs;
    const wait = due - clock.monotonic() + random() * JITTER * this.#intervalMs;
    sensor.timer = clock.setTimeout(() => this.#measure(sensor, due), Math.max(0, wait));
  }

  #measure(sensor: Sensor, due: number): void {
    const { clock } = this.#options;
    // A machine that slept does not make up for what it missed.
    sensor.turn = Math.max(due, clock.monotonic() - this.#intervalMs);
    sensor.time = Math.max(Math.floor(clock.now() / 1000), sensor.time + 1);
    this.#queue.add({ sensorId: sensor.sensorId, time: sensor.time, values: sensor.values.next() });
    this.#schedule(sensor);
  }
}
