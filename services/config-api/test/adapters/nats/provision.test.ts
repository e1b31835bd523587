import { GatecastError } from '@gatecast/shared/errors';
import type { LifecycleState } from '@gatecast/shared/lifecycle';
import { createLogger } from '@gatecast/shared/logging';
import { ManualClock } from '@gatecast/shared/testing';
import { describe, expect, it } from 'vitest';
import { untilDone } from '../../../src/adapters/nats/provision.ts';

function setUp(failures: Error[]) {
  const clock = new ManualClock();
  const lifecycle = { state: 'starting' as LifecycleState };
  let attempts = 0;
  const work = async () => {
    attempts += 1;
    const failure = failures.shift();
    if (failure) throw failure;
    return 'done';
  };
  const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
  const result = untilDone('working', work, { lifecycle, random: () => 1, clock, log });
  return { clock, lifecycle, result, attempts: () => attempts };
}

const passing = () => new GatecastError('NATS_UNAVAILABLE', 'no leader yet', { retryable: true });

describe('untilDone', () => {
  it('tries again while it may pass, with growing pauses', async () => {
    const { clock, result, attempts } = setUp([passing(), passing()]);
    await clock.advance(249);
    expect(attempts()).toBe(1);
    await clock.advance(1);
    expect(attempts()).toBe(2);
    await clock.advance(499);
    expect(attempts()).toBe(2);
    await clock.advance(1);
    expect(await result).toBe('done');
  });

  it('gives up what no repetition mends', async () => {
    const { result } = setUp([new GatecastError('NATS_PERMISSION', 'not allowed')]);
    await expect(result).rejects.toMatchObject({ code: 'NATS_PERMISSION' });
  });

  it('gives up when the service is asked to stop', async () => {
    const { clock, lifecycle, result } = setUp([passing(), passing()]);
    const outcome = expect(result).rejects.toMatchObject({ code: 'NATS_UNAVAILABLE' });
    lifecycle.state = 'draining';
    await clock.advance(250);
    await outcome;
  });
});
