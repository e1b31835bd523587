import { ID_PATTERN } from './ids.ts';
import { METRICS } from './metrics.ts';
import { MAX_MEASUREMENTS_PER_REQUEST, NUMERIC_TEXT_PATTERN } from './reading.ts';

const id = new RegExp(ID_PATTERN);
const numericText = new RegExp(NUMERIC_TEXT_PATTERN);
const MAX_TEXT = 64;
const MAX_VALUES = 64;

/**
 * Whether a parsed body is a MeasurementRequest of the kind that nearly all are: readings of known metrics and nothing
 * else. Only that decides quickly; false says nothing, and the schema has to be asked. The schema tries its pattern twice
 * on every metric key, which costs as much as parsing the JSON.
 */
export function isPlainRequest(body: unknown): boolean {
  if (!isObject(body)) return false;
  for (const key in body) if (key !== 'measurements') return false;
  const { measurements } = body;
  if (!Array.isArray(measurements) || measurements.length > MAX_MEASUREMENTS_PER_REQUEST) return false;
  return measurements.every(isPlainMeasurement);
}

function isPlainMeasurement(measurement: unknown): boolean {
  if (!isObject(measurement)) return false;
  for (const key in measurement) if (key !== 'sensorId' && key !== 'time' && key !== 'values') return false;
  const { sensorId, time, values } = measurement;
  if (typeof sensorId !== 'string' || !id.test(sensorId)) return false;
  return typeof time === 'number' && Number.isInteger(time) && time >= 0 && isPlainValues(values);
}

function isPlainValues(values: unknown): boolean {
  if (!isObject(values)) return false;
  let count = 0;
  for (const metric in values) {
    if (!METRICS.has(metric) || !isPlainValue(values[metric])) return false;
    count += 1;
  }
  return count > 0 && count <= MAX_VALUES;
}

function isPlainValue(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'string' && value.length <= MAX_TEXT && numericText.test(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
