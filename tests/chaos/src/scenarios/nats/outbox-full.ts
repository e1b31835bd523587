import { streamState } from '@gatecast/local-stack';
import type { Scenario } from '../../scenario.ts';

const MAX_BYTES = 1024 * 1024;

export const outboxFull: Scenario = {
  name: 'outbox-full',
  group: 'nats',
  title: 'no publisher: the outbox fills up and holds the encoder back; the publishers come back',
  setup: {
    env: {
      'config-api': { GATECAST_OUTBOX_MAX_BYTES: String(MAX_BYTES) },
      'mqtt-publisher': { GATECAST_PURGE_INTERVAL_MS: '500' },
    },
    brokers: [{ pace: { perRequest: 50, intervalMs: 200 } }],
    deadlineMs: 200_000,
  },
  async faults(run) {
    const publishers = run.running('mqtt-publisher');
    await Promise.all(publishers.map(({ process }) => process.stop()));
    const isFull = async () => (await streamState(run.stack, 'OUTBOX_default')).bytes > MAX_BYTES * 0.95;
    await run.until(isFull, 'the outbox to be full');
    await run.lasting(3_000);
    await Promise.all(publishers.map(({ process }) => process.restart()));
    await run.flowing();
  },
};
