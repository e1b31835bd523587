import { isGatecastError } from '@gatecast/shared/errors';
import {
  backlogStreamOf,
  ensureFleetStreams,
  type Nats,
  outboxStreamOf,
  type StorageLimits,
  translateNatsError,
} from '@gatecast/shared/nats';
import type { FleetStreams } from '../../application/ports.ts';
import { requireConnection } from './require-connection.ts';

/** The OUTBOX and BACKLOG of fleets on the NATS server. */
export function natsFleetStreams(nats: Nats, limits: StorageLimits): FleetStreams {
  return {
    async ensure(fleet) {
      requireConnection(nats);
      try {
        await nats.untilCut(ensureFleetStreams(nats, fleet, limits));
      } catch (error) {
        throw translateNatsError(error, `creating the streams of fleet ${fleet}`);
      }
    },
    async remove(fleet) {
      requireConnection(nats);
      for (const stream of [outboxStreamOf(fleet, 0), backlogStreamOf(fleet)]) {
        try {
          await nats.untilCut(nats.jsm.streams.delete(stream));
        } catch (error) {
          const translated = translateNatsError(error, `removing stream ${stream}`);
          if (!isGatecastError(translated, 'STREAM_MISSING')) throw translated;
        }
      }
    },
  };
}
