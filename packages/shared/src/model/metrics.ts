/** How a number is printed: with fixed decimals, or with significant digits (`scientific` in exponent notation). */
export type MetricPrecision =
  | { readonly kind: 'decimals'; readonly digits: number }
  | { readonly kind: 'significant'; readonly digits: number }
  | { readonly kind: 'scientific'; readonly digits: number };

export interface Metric {
  readonly key: string;
  readonly label: string;
  /** SI, as bases send it; an empty string where the value has no unit. */
  readonly unit: string;
  readonly precision: MetricPrecision;
}

const decimals = (digits: number): MetricPrecision => ({ kind: 'decimals', digits });
const significant = (digits: number): MetricPrecision => ({ kind: 'significant', digits });
const scientific = (digits: number): MetricPrecision => ({ kind: 'scientific', digits });

const metric = (key: string, label: string, unit: string, precision: MetricPrecision): [string, Metric] => [
  key,
  { key, label, unit, precision },
];

/**
 * The metrics that are known by name, with unit and precision: the one table for encoders, documentation and user
 * interfaces. A key that is not here passes through unchanged.
 */
export const METRICS: ReadonlyMap<string, Metric> = new Map([
  metric('temperature', 'Temperature', '°C', decimals(3)),
  metric('humidity', 'Relative humidity', '%RH', decimals(1)),
  metric('co2', 'CO₂', 'ppm', decimals(0)),
  metric('atmosphericpressure', 'Atmospheric pressure', 'Pa', decimals(0)),
  metric('differentialpressure', 'Differential pressure', 'Pa', decimals(3)),
  metric('voltage', 'Voltage', 'V', decimals(3)),
  metric('current', 'Current', 'A', decimals(6)),
  metric('bec', 'Bulk electrical conductivity', 'S/m', scientific(4)),
  metric('pec', 'Pore electrical conductivity', 'S/m', scientific(4)),
  metric('battery', 'Battery', '', decimals(2)),
  metric('ppfd', 'PPFD', 'µmol/(m²·s)', decimals(1)),
  metric('illuminance', 'Illuminance', 'lx', decimals(0)),
  metric('pm1', 'PM1', 'kg/m³', significant(5)),
  metric('pm2_5', 'PM2.5', 'kg/m³', significant(5)),
  metric('pm4', 'PM4', 'kg/m³', significant(5)),
  metric('pm10', 'PM10', 'kg/m³', significant(5)),
  metric('radon', 'Radon', 'Bq/m³', decimals(0)),
  metric('pulsescumulative', 'Pulses (cumulative)', '', decimals(0)),
  metric('pulsesperiod', 'Pulses (period)', '', decimals(0)),
  metric('weight', 'Weight', 'kg', decimals(3)),
  metric('distance', 'Distance', 'm', decimals(3)),
  metric('vwc', 'Volumetric water content', '', decimals(3)),
  metric('dp', 'Dielectric permittivity', '', decimals(6)),
  metric('rssi', 'RSSI', 'dBm', decimals(6)),
]);
