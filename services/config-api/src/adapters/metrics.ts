import type { GatewayRecord } from '@gatecast/shared/model';
import type { KeyValueView } from '@gatecast/shared/nats';
import { sealedTo } from '@gatecast/shared/secrets';
import { Counter, Gauge, type Registry } from '@prometheus-io/client';
import type { LetterAction } from '../application/dead-letters.ts';
import type { EncoderLag } from '../application/encoder-lag.ts';

export interface ServiceMetricsOptions {
  registry: Registry;
  gateways: Pick<KeyValueView<GatewayRecord>, 'entries'>;
  lag: Pick<EncoderLag, 'oldestAgeMs'>;
}

export interface ServiceMetrics {
  countAnnouncement(outcome: 'sent' | 'failed'): void;
  countDeadLetters(action: LetterAction, letters: number): void;
}

/** What the service says of itself beside its requests. */
export function serviceMetrics({ registry, gateways, lag }: ServiceMetricsOptions): ServiceMetrics {
  const announcements = new Counter({
    name: 'gatecast_config_announcements_total',
    help: 'Changed names and settings put into the line at once, by outcome.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  new Gauge({
    name: 'gatecast_config_gateways',
    help: 'Registered gateways.',
    labelNames: ['fleet'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [, { value }] of gateways.entries()) this.inc({ fleet: value.fleet });
    },
  });
  new Gauge({
    name: 'gatecast_config_sealed_secrets',
    help: 'Stored secrets, by the key that they are sealed to.',
    labelNames: ['kid'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [, { value }] of gateways.entries()) {
        for (const sealed of Object.values(value.mqtt.sealed ?? {})) this.inc({ kid: sealedTo(sealed) ?? 'unknown' });
      }
    },
  });
  new Gauge({
    name: 'gatecast_config_encoder_lag_seconds',
    help: 'Age of the oldest accepted reading that is not encoded yet; 0 when none waits.',
    registers: [registry],
    collect() {
      this.set(lag.oldestAgeMs() / 1000);
    },
  });
  const deadLetters = new Counter({
    name: 'gatecast_config_dead_letters_total',
    help: 'Dead letters re-queued or discarded over the API.',
    labelNames: ['action'],
    registers: [registry],
  });
  return {
    countAnnouncement: (outcome) => announcements.inc({ outcome }),
    countDeadLetters: (action, letters) => deadLetters.inc({ action }, letters),
  };
}
