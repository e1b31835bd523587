import type { Logger } from '@gatecast/shared/logging';
import type { EncoderCheckpoint } from '@gatecast/shared/model';
import { ALL_FLEETS, type KeyValueStore, keys } from '@gatecast/shared/nats';
import { affordableLookBackMs } from '../domain/look-back.ts';
import type { Observer, ReadingsPort } from './ports.ts';

export interface ReadingsPurgeOptions {
  readonly readings: ReadingsPort;
  readonly checkpoints: Pick<KeyValueStore<EncoderCheckpoint>, 'get'>;
  readonly partitions: number;
  readonly lookBackMs: number;
  readonly observer: Observer;
  readonly log: Logger;
}

/** The partition by whose stream everything is done here: there is one READINGS for all of them. */
const ANY_PARTITION = 0;

/** Removes from READINGS what every partition's record has passed, less a look-back, by one purge of the whole stream. */
export class ReadingsPurge {
  readonly #options: ReadingsPurgeOptions;

  constructor(options: ReadingsPurgeOptions) {
    this.#options = options;
  }

  /** @throws {GatecastError} when NATS does not answer; may be repeated */
  async run(): Promise<void> {
    const { readings, lookBackMs, observer, log } = this.#options;
    const position = await this.#recordedByAll();
    const { firstSequence, lastSequence, fill } = await readings.state(ANY_PARTITION);
    // A purge beyond the last message would move the stream's next sequence.
    const passed = Math.min(position, lastSequence);
    if (passed < firstSequence) return;
    const time = await readings.timeOf(ANY_PARTITION, passed);
    if (time === undefined) return;
    const lookBack = affordableLookBackMs(lookBackMs, fill);
    const before = Math.min(passed, await readings.sequenceAt(ANY_PARTITION, time - lookBack));
    if (before <= firstSequence) return;
    const messages = await readings.purgeBefore(ANY_PARTITION, before);
    observer.purged(messages);
    log.debug({ before, messages, fill }, 'READINGS purged');
  }

  /** What every partition has passed, by the records; 0 as long as one has no record. */
  async #recordedByAll(): Promise<number> {
    const { checkpoints, partitions } = this.#options;
    let least = Number.POSITIVE_INFINITY;
    for (let partition = 0; partition < partitions && least > 0; partition += 1) {
      const record = await checkpoints.get(keys.checkpoint('encoder', ALL_FLEETS, partition));
      least = Math.min(least, record?.value.seq ?? 0);
    }
    return least;
  }
}
