import { type Clock, delay, fullJitter, type Lifecycle } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import { translateNatsError } from '@gatecast/shared/nats';

export interface ProvisionOptions {
  /** Whether it is still wanted. */
  lifecycle: Pick<Lifecycle, 'state'>;
  random: () => number;
  clock: Clock;
  log: Logger;
}

/**
 * Does `work` at start, again and again while it fails for a reason that may pass: a cluster that is electing its
 * leaders, a store that is full.
 * @throws {GatecastError} what no repetition mends, such as `NATS_PERMISSION`
 */
export async function untilDone<T>(what: string, work: () => Promise<T>, options: ProvisionOptions): Promise<T> {
  const { lifecycle, random, clock, log } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const translated = translateNatsError(error, what);
      if (!translated.retryable || lifecycle.state !== 'starting') throw translated;
      log.warn({ err: translated, attempt }, 'not possible yet, trying again');
      await delay(fullJitter(attempt, { baseMs: 250, maxMs: 5_000 }, random), clock);
    }
  }
}
