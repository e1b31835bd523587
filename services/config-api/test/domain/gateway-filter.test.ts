import { describe, expect, it } from 'vitest';
import { fitsRecord, fitsStatus } from '../../src/domain/gateway-filter.ts';
import { gatewayRecord } from './status/samples.ts';

const record = gatewayRecord({ gatewayId: 'GW-Hall', name: 'Great Hall', fleet: 'west' });

describe('fitsRecord', () => {
  it.each([
    [{}, true],
    [{ fleet: 'west' }, true],
    [{ fleet: 'east' }, false],
    [{ host: 'broker.example' }, true],
    [{ host: 'BROKER.EXAMPLE.' }, true],
    [{ host: 'broker' }, false],
    [{ q: 'gw-h' }, true],
    [{ q: 'great' }, true],
    [{ q: 'cellar' }, false],
    [{ q: 'hall', fleet: 'east' }, false],
  ])('%j: %s', (filter, fits) => {
    expect(fitsRecord(filter, record)).toBe(fits);
  });

  it('finds no gateway without host by host', () => {
    expect(fitsRecord({ host: 'broker.example' }, gatewayRecord({ mqtt: {} }))).toBe(false);
  });
});

describe('fitsStatus', () => {
  const status = { code: 'MQTT_ERROR_AUTH_FAILED', class: 'user' } as const;

  it.each([
    [{}, true],
    [{ code: 'MQTT_ERROR_AUTH_FAILED' }, true],
    [{ code: 'MQTT_INFO_NO_ERR' }, false],
    [{ class: 'user' }, true],
    [{ class: 'ok' }, false],
    [{ code: 'MQTT_ERROR_AUTH_FAILED', class: 'ok' }, false],
  ] as const)('%j: %s', (filter, fits) => {
    expect(fitsStatus(filter, status)).toBe(fits);
  });
});
