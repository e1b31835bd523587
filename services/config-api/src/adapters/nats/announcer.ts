import type { Logger } from '@gatecast/shared/logging';
import { completeIntegration, partitionOf } from '@gatecast/shared/model';
import { type Nats, publishToStream, readingsHeaders, subjects } from '@gatecast/shared/nats';
import { injectTrace } from '@gatecast/shared/telemetry';
import type { Announcer } from '../../application/ports.ts';

const NO_MEASUREMENTS = new TextEncoder().encode('{"measurements":[]}');

export interface NatsAnnouncerOptions {
  nats: Nats;
  partitions: number;
  /** Called with the outcome of each announcement. */
  onAnnounced: (outcome: 'sent' | 'failed') => void;
  log: Logger;
}

/**
 * Puts a batch without measurements into the gateway's line: the encoder looks at names and settings before every
 * batch, and so publishes what changed, in order with the readings around it.
 */
export function natsAnnouncer({ nats, partitions, onAnnounced, log }: NatsAnnouncerOptions): Announcer {
  return {
    async announce(gateway, when = 'enabled') {
      const { gatewayId, incarnation, mqtt } = gateway;
      if (when === 'enabled' && !completeIntegration(gatewayId, mqtt).enabled) return;
      const headers = readingsHeaders(incarnation, undefined);
      injectTrace(headers);
      try {
        await publishToStream(nats, subjects.readings(partitionOf(gatewayId, partitions), gatewayId), NO_MEASUREMENTS, {
          headers,
        });
        onAnnounced('sent');
      } catch (error) {
        onAnnounced('failed');
        log.warn({ err: error, gatewayId }, 'could not announce a change; it goes out with the next batch');
      }
    },
  };
}
