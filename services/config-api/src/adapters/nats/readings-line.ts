import { type Nats, readingsStreamOf, subjects, translateNatsError } from '@gatecast/shared/nats';
import type { ReadingsLine } from '../../application/ports.ts';
import { firstMessageFrom } from './first-message.ts';
import { requireConnection } from './require-connection.ts';

/** READINGS on the NATS server. */
export function natsReadingsLine(nats: Nats): ReadingsLine {
  return {
    async lastSequence() {
      requireConnection(nats);
      try {
        return (await nats.untilCut(nats.jsm.streams.info(readingsStreamOf(0)))).state.last_seq;
      } catch (error) {
        throw translateNatsError(error, 'reading the state of READINGS');
      }
    },
    async firstAfter(partition, sequence) {
      const subject = subjects.readingsOfPartition(partition);
      const found = await firstMessageFrom(nats, readingsStreamOf(partition), subject, sequence + 1);
      return found && { sequence: found.sequence, time: found.time.getTime() };
    },
  };
}
