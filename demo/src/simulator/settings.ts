import type { SensorChange } from '@gatecast/shared/model';
import type { SensorKind } from './sensor-values.ts';

/** How often sensors are read: at a fixed interval, or the gateway's measurement interval divided by `speed`. */
export type Pace =
  | { readonly kind: 'fixed'; readonly intervalMs: number }
  | { readonly kind: 'follow'; readonly speed: number };

export interface SimulatedSensor {
  readonly kind: SensorKind;
  /** What the gateway says of it, once. */
  readonly about: SensorChange;
}

export interface SimulatedGatewaySettings {
  readonly gatewayId: string;
  readonly token: string;
  readonly sensors: readonly SimulatedSensor[];
}

/** What the simulator's process is told, in a file. */
export interface SimulatorSettings {
  readonly ingestUrl: string;
  readonly seed: number;
  readonly pace: Pace;
  readonly gateways: readonly SimulatedGatewaySettings[];
}

/** Before the first answer has told the measurement interval. */
const FIRST_INTERVAL_SECONDS = 60;
/** Readings carry whole seconds: two of one sensor within one second would count as one heard twice. */
const SHORTEST_MS = 1000;

/** Ms between two readings of a sensor. `told` is what the ingest's last answer said, seconds. */
export function intervalMsOf(pace: Pace, told = FIRST_INTERVAL_SECONDS): number {
  return Math.max(SHORTEST_MS, pace.kind === 'fixed' ? pace.intervalMs : (told * 1000) / pace.speed);
}
