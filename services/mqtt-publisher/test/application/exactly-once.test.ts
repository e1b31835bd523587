import { describe, expect, test } from 'vitest';
import { desiredSession, type SessionSettings } from '../../src/domain/session-settings.ts';
import { NO_LIMITS } from '../support/fake-session.ts';
import { LineHarness } from '../support/line-harness.ts';

function settingsOf(): SessionSettings {
  const { settings } = desiredSession(
    {
      gatewayId: 'gw-1',
      workspace: 'acme',
      fleet: 'default',
      incarnation: 'first',
      createdAt: '',
      ingestTokenHash: '',
      mqtt: { host: 'broker.example', qos: 2 },
    },
    1,
  );
  if (!settings) throw new Error('no session');
  return settings;
}

describe('what has to be durable before the session goes on', () => {
  test('is so by a record that was built after it was decided, not by one before; a copy does as well', () => {
    const { line } = new LineHarness();
    const before = line.checkpoint();
    line.exactlyOnce.opened(settingsOf(), NO_LIMITS);
    const after = structuredClone(line.checkpoint());
    line.recordedAs(before);
    expect(line.exactlyOnce.waitsForRecord).toBe(true);
    line.recordedAs(after);
    expect(line.exactlyOnce.waitsForRecord).toBe(false);
    expect(line.checkpoint().v).toBeUndefined();
  });

  test('when something else is decided meanwhile, that has to be as well', () => {
    const { line } = new LineHarness();
    line.exactlyOnce.opened(settingsOf(), NO_LIMITS);
    const first = line.checkpoint();
    line.exactlyOnce.opened({ ...settingsOf(), clientId: 'another' }, NO_LIMITS);
    const second = line.checkpoint();
    line.recordedAs(first);
    expect(line.exactlyOnce.waitsForRecord).toBe(true);
    line.recordedAs(second);
    expect(line.exactlyOnce.waitsForRecord).toBe(false);
  });
});
