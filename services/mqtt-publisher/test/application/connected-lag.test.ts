import { expect, test } from 'vitest';
import type { Failure } from '../../src/domain/failure.ts';
import { batchOf } from '../support/batches.ts';
import { SessionHarness } from '../support/session-harness.ts';

const CUT: Failure = { phase: 'session', kind: 'closed' };
const WINDOW = 20;

test('what waits beyond the window of a broker that is connected is lag; what is in flight is not', async () => {
  const harness = new SessionHarness({ mqtt: { will: { enabled: false } } });
  await harness.start();
  const { gateway, parts, connector } = harness;
  expect([gateway.isConnected, gateway.line.unsent]).toEqual([true, 0]);
  const batch = batchOf(1, 50);
  parts.outstanding.add(batch);
  gateway.offer(batch);
  await parts.clock.advance(0); // the broker acknowledges nothing
  expect(gateway.line.lane.inFlight).toBe(WINDOW);
  expect(gateway.line.unsent).toBe(50 - WINDOW);

  connector.attempts[0]!.end(CUT);
  await parts.clock.advance(0);
  expect(gateway.isConnected).toBe(false);
});
