import type { Scenario } from '../../scenario.ts';

export const readingsFull: Scenario = {
  name: 'readings-full',
  group: 'nats',
  title: 'no encoder: READINGS fills up and refuses; the encoders come back',
  setup: {
    env: {
      'config-api': { GATECAST_READINGS_MAX_BYTES: String(1024 * 1024) },
      'sensor-ingest': { GATECAST_STORAGE_POLL_MS: '100' },
      encoder: { GATECAST_LOOK_BACK_SECONDS: '0', GATECAST_HOUSEKEEPING_INTERVAL_SECONDS: '1' },
    },
    brokers: [{ pace: { perRequest: 50, intervalMs: 100 } }],
    deadlineMs: 200_000,
  },
  async faults(run) {
    const encoders = run.running('encoder');
    await Promise.all(encoders.map(({ process }) => process.stop()));
    const before = run.load.refusals;
    await run.until(() => run.load.refusals > before + 20, 'readings to be refused');
    await run.lasting(2_000);
    await Promise.all(encoders.map(({ process }) => process.restart()));
    await run.flowing();
    run.extras.set('refused', String(run.load.refusals - before));
  },
};
