import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applySensorChanges, ID_PATTERN, type SensorChange, type SensorsRecord } from '../../src/model/index.ts';

const record: SensorsRecord = {
  incarnation: 'first',
  firmwareVersion: '3.1',
  sensors: { A: { name: 'North', group: 'Barn' }, B: { productNumber: 'TDSPT4H1' } },
};

test('absent keeps, null removes, anything else replaces', () => {
  const changed = applySensorChanges(record, [{ sensorId: 'A', name: 'South', group: null }]);
  expect(changed).toEqual({ ...record, sensors: { A: { name: 'South' }, B: { productNumber: 'TDSPT4H1' } } });
  expect(record.sensors.A).toEqual({ name: 'North', group: 'Barn' });
});

test('a sensor that is new is added, also without any field', () => {
  expect(applySensorChanges(record, [{ sensorId: 'C', name: 'New' }]).sensors.C).toEqual({ name: 'New' });
  expect(applySensorChanges(record, [{ sensorId: 'C' }]).sensors.C).toEqual({});
});

test('later changes of the same sensor build on earlier ones', () => {
  const changes: SensorChange[] = [
    { sensorId: 'A', name: 'one' },
    { sensorId: 'A', groupId: '7' },
    { sensorId: 'A', name: null },
  ];
  expect(applySensorChanges(record, changes).sensors.A).toEqual({ group: 'Barn', groupId: '7' });
});

test('what changes nothing returns the same object', () => {
  expect(applySensorChanges(record, [])).toBe(record);
  expect(applySensorChanges(record, [{ sensorId: 'A', name: 'North', groupId: null }, { sensorId: 'B' }])).toBe(record);
});

test.each(['constructor', '__proto__', 'toString'])('a sensor may be called %s', (sensorId) => {
  const changed = applySensorChanges(record, [{ sensorId, name: 'Object' }]);
  expect(Object.keys(changed.sensors)).toContain(sensorId);
  expect(Object.getOwnPropertyDescriptor(changed.sensors, sensorId)?.value).toEqual({ name: 'Object' });
  const stored = JSON.parse(JSON.stringify(changed)) as SensorsRecord;
  expect(applySensorChanges(stored, [{ sensorId, name: 'Object' }])).toBe(stored);
});

const text = fc.option(fc.string({ maxLength: 5 }));
const change: fc.Arbitrary<SensorChange> = fc.record(
  { sensorId: fc.stringMatching(new RegExp(ID_PATTERN)), name: text, group: text, groupId: text, productNumber: text },
  { requiredKeys: ['sensorId'] },
);

test('applying the same changes again changes nothing', () => {
  fc.assert(
    fc.property(fc.uniqueArray(change, { selector: ({ sensorId }) => sensorId, maxLength: 10 }), (changes) => {
      const once = applySensorChanges(record, changes);
      expect(applySensorChanges(once, changes)).toBe(once);
    }),
  );
});
