import { isId } from '@gatecast/shared/model';
import { expect, test } from 'vitest';
import { planFleet } from '../src/fleet-plan.ts';

test('the usual fleet: three formats, ids as bases and sensors have them', () => {
  const fleet = planFleet({ gateways: 5, sensors: 4, format: undefined, seed: 1 });
  expect(fleet.map(({ gatewayId, format }) => [gatewayId, format])).toEqual([
    ['394260700033', 'json'],
    ['394260700034', 'raw'],
    ['394260700035', 'azure'],
    ['394260700036', 'json'],
    ['394260700037', 'raw'],
  ]);
  const sensors = fleet.flatMap((gateway) => gateway.sensors.map(({ about }) => about.sensorId));
  expect(sensors.slice(0, 5)).toEqual(['3002FA', '3002FB', '3002FC', '3002FD', '3002FE']);
  expect(fleet[0]!.sensors[0]).toEqual({
    kind: 'air',
    about: {
      sensorId: '3002FA',
      name: 'Entrance',
      group: 'Air quality',
      groupId: '1',
      productNumber: 'DEMO-AIR',
    },
  });
});

test('the largest fleets have valid ids of their own, whatever the seed', () => {
  for (const seed of [1, 2, 100_000]) {
    const fleet = planFleet({ gateways: 1000, sensors: 100, format: 'raw', seed });
    const gateways = fleet.map(({ gatewayId }) => gatewayId);
    const sensors = fleet.flatMap((gateway) => gateway.sensors.map(({ about }) => about.sensorId));
    expect(new Set(gateways).size).toBe(1000);
    expect(new Set(sensors).size).toBe(100_000);
    expect(gateways.every((id) => /^\d{12}$/.test(id))).toBe(true);
    expect(sensors.every((id) => isId(id) && /^[0-9A-F]{6}$/.test(id))).toBe(true);
    expect(fleet.every(({ format }) => format === 'raw')).toBe(true);
  }
});

test('fleets of different seeds share no gateway', () => {
  const ids = [1, 2].flatMap((seed) =>
    planFleet({ gateways: 1000, sensors: 1, format: undefined, seed }).map(({ gatewayId }) => gatewayId),
  );
  expect(new Set(ids).size).toBe(2000);
});
