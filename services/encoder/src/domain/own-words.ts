import { applySensorChanges, type MeasurementRequest, type SensorsRecord } from '@gatecast/shared/model';

/**
 * What a gateway said of itself in a batch (`firmwareVersion`, `sensors`), put into the record of its sensors. Returns
 * `record` itself when it said nothing new. Another registration's record counts as empty.
 */
export function withOwnWords(
  record: SensorsRecord | undefined,
  incarnation: string,
  { firmwareVersion, sensors = [] }: Pick<MeasurementRequest, 'firmwareVersion' | 'sensors'>,
): SensorsRecord | undefined {
  const isOwn = record?.incarnation === incarnation;
  const before: SensorsRecord = isOwn ? record : { incarnation, sensors: {} };
  const changed = applySensorChanges(before, sensors);
  const after =
    firmwareVersion === undefined || firmwareVersion === before.firmwareVersion
      ? changed
      : { ...changed, firmwareVersion };
  return after === before ? record : after;
}
