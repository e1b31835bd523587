import { expect, test } from 'vitest';
import { createLogger } from '../../src/logging/index.ts';
import {
  BUCKETS,
  connectNats,
  DEFAULT_STORAGE_LIMITS,
  ensureBuckets,
  ensureCommonStreams,
} from '../../src/nats/index.ts';
import { NatsCluster, waitFor } from '../../src/testing/index.ts';

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });

test('streams and buckets get as many copies as the setting says, also when they are there already', {
  timeout: 60_000,
}, async () => {
  await using cluster = await NatsCluster.start();
  const nats = await connectNats({ natsUrl: cluster.url, name: 'test' }, log);
  const copies = async () => {
    const counts = new Map<string, number>();
    for await (const { config } of nats.jsm.streams.list()) counts.set(config.name, config.num_replicas);
    return counts;
  };
  for (const replicas of [1, 3]) {
    await ensureBuckets(nats, { replicas, leaseTtlMs: 3_000 });
    await ensureCommonStreams(nats, { ...DEFAULT_STORAGE_LIMITS, readingsMaxBytes: 1e6, replicas });
    let counts = new Map<string, number>();
    // A cluster lists what its servers answer in time.
    await waitFor(
      async () => {
        counts = await copies();
        return counts.size === BUCKETS.length + 3;
      },
      { describe: () => `every stream to be listed; there were ${[...counts.keys()].join(', ')}` },
    );
    expect(new Set(counts.values())).toEqual(new Set([replicas]));
  }
  await nats.close();
});
