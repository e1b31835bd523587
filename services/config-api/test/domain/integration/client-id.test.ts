import { describe, expect, it } from 'vitest';
import { sessionIdentity } from '../../../src/domain/integration/client-id.ts';

describe('sessionIdentity', () => {
  const identity = (gatewayId: string, mqtt: Parameters<typeof sessionIdentity>[0]['mqtt']) =>
    sessionIdentity({ gatewayId, mqtt });

  it('is the same for the same client id at the same host, however it is written and whatever the port', () => {
    const one = identity('gw-1', { host: 'broker.example', clientId: 'x' });
    expect(identity('gw-2', { host: 'BROKER.example.', clientId: 'x', port: 8883 })).toBe(one);
    expect(identity('x', { host: 'broker.example' })).toBe(one);
  });

  it('differs by client id and by host', () => {
    const one = identity('gw-1', { host: 'broker.example', clientId: 'x' });
    expect(identity('gw-1', { host: 'broker.example', clientId: 'X' })).not.toBe(one);
    expect(identity('gw-1', { host: 'other.example', clientId: 'x' })).not.toBe(one);
  });

  it('is nothing while the integration is off', () => {
    expect(identity('gw-1', {})).toBeUndefined();
    expect(identity('gw-1', { host: 'broker.example', enabled: false })).toBeUndefined();
  });
});
