import type { SensorChange } from './reading.ts';

/** What is known of one sensor; every field has its own retained topic at the broker. */
export interface SensorInfo {
  name?: string;
  group?: string;
  groupId?: string;
  productNumber?: string;
}

export const SENSOR_FIELDS = [
  'name',
  'group',
  'groupId',
  'productNumber',
] as const satisfies readonly (keyof SensorInfo)[];

/** Record of the bucket `sensors`: what a gateway, or a person, has said of a gateway's sensors. */
export interface SensorsRecord {
  /** The registration of the gateway that this belongs to; another one's record counts as empty. */
  incarnation: string;
  firmwareVersion?: string;
  sensors: Record<string, SensorInfo>;
}

/** Applies changes (absent = keep, null = remove). Returns the same object when nothing changes. */
export function applySensorChanges(record: SensorsRecord, changes: readonly SensorChange[]): SensorsRecord {
  let sensors = record.sensors;
  for (const change of changes) {
    // A sensor may be called `constructor`: what every object inherits is not a sensor.
    const before = Object.hasOwn(sensors, change.sensorId) ? sensors[change.sensorId] : undefined;
    const after: SensorInfo = { ...before };
    for (const field of SENSOR_FIELDS) {
      const value = change[field];
      if (value === null) delete after[field];
      else if (value !== undefined) after[field] = value;
    }
    if (before && SENSOR_FIELDS.every((field) => before[field] === after[field])) continue;
    sensors = { ...sensors, [change.sensorId]: after };
  }
  return sensors === record.sensors ? record : { ...record, sensors };
}
