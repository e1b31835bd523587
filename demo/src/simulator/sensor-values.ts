import type { Measurement } from '@gatecast/shared/model';

export const SENSOR_KINDS = ['air', 'climate', 'pressure'] as const;
export type SensorKind = (typeof SENSOR_KINDS)[number];

/** One metric's random walk: where it starts (± spread), between which values, and the largest step. */
interface Walk {
  readonly start: number;
  readonly spread: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly decimals: number;
  /** As bases send it: text with fixed decimals; else a number. */
  readonly text: boolean;
}

const WALKS = {
  temperature: { start: 21.5, spread: 3, min: 15, max: 30, step: 0.1, decimals: 3, text: true },
  humidity: { start: 45, spread: 10, min: 20, max: 80, step: 0.5, decimals: 1, text: true },
  co2: { start: 650, spread: 200, min: 400, max: 2000, step: 20, decimals: 0, text: false },
  atmosphericpressure: { start: 101_325, spread: 800, min: 97_000, max: 104_500, step: 15, decimals: 0, text: true },
  battery: { start: 0.8, spread: 0.15, min: 0.05, max: 1, step: 0.004, decimals: 2, text: false },
  rssi: { start: -65, spread: 15, min: -100, max: -40, step: 3, decimals: 0, text: false },
} as const satisfies Record<string, Walk>;

const METRICS: Record<SensorKind, readonly (keyof typeof WALKS)[]> = {
  air: ['co2', 'atmosphericpressure', 'battery', 'temperature', 'humidity', 'rssi'],
  climate: ['temperature', 'humidity', 'battery', 'rssi'],
  pressure: ['atmosphericpressure', 'temperature', 'battery', 'rssi'],
};

/** What one sensor measures: a random walk of each of its metrics, within what such a sensor can show. */
export class SensorValues {
  readonly #walks: readonly { readonly metric: string; readonly walk: Walk; at: number }[];
  readonly #random: () => number;

  constructor(kind: SensorKind, random: () => number) {
    this.#random = random;
    this.#walks = METRICS[kind].map((metric) => {
      const walk = WALKS[metric];
      return { metric, walk, at: walk.start + this.#swing() * walk.spread };
    });
  }

  /** The values of the next reading. */
  next(): Measurement['values'] {
    const values: Measurement['values'] = {};
    for (const state of this.#walks) {
      const { min, max, step, decimals, text } = state.walk;
      state.at = Math.min(max, Math.max(min, state.at + this.#swing() * step));
      const printed = state.at.toFixed(decimals);
      values[state.metric] = text ? printed : Number(printed);
    }
    return values;
  }

  /** Uniform in [-1, 1). */
  #swing(): number {
    return this.#random() * 2 - 1;
  }
}
