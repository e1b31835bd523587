import { connect } from '@nats-io/transport-node';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fnv1a32, ID_PATTERN, partitionOf } from '../../src/model/index.ts';
import { NatsServer } from '../../src/testing/nats-server.ts';

/** Test vectors of draft-eastlake-fnv. */
test.each([
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['foobar', 0xbf9cf968],
])('the hash of %j is %i', (text, hash) => {
  expect(fnv1a32(text)).toBe(hash);
});

test('every id has one partition', () => {
  const id = fc.stringMatching(new RegExp(ID_PATTERN));
  fc.assert(
    fc.property(id, fc.integer({ min: 1, max: 4096 }), (gatewayId, partitions) => {
      const partition = partitionOf(gatewayId, partitions);
      expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true);
      expect(partitionOf(gatewayId, partitions)).toBe(partition);
    }),
  );
});

test('serial numbers spread evenly', () => {
  const counts = new Array<number>(64).fill(0);
  for (let n = 0; n < 64_000; n += 1) counts[partitionOf(String(394_260_700_000 + n), 64)]! += 1;
  expect(Math.min(...counts)).toBeGreaterThan(700);
  expect(Math.max(...counts)).toBeLessThan(1_300);
});

test('a NATS server computes the same partitions for any id', async () => {
  const mappings = [64, 7, 4096].map((n) => `"in${n}.*": "out.${n}.{{partition(${n},1)}}.{{wildcard(1)}}"`);
  await using server = await NatsServer.start({ config: `mappings: {\n${mappings.join('\n')}\n}` });
  const nats = await connect({ servers: server.url });
  const subscription = nats.subscribe('out.>');
  const ids = fc.sample(fc.stringMatching(new RegExp(ID_PATTERN)), 500);
  for (const id of ids) for (const n of [64, 7, 4096]) nats.publish(`in${n}.${id}`);
  await nats.flush();
  await subscription.drain();
  let compared = 0;
  for await (const { subject } of subscription) {
    const [, partitions, partition, id] = subject.split('.');
    expect([id, Number(partition)]).toEqual([id, partitionOf(id!, Number(partitions))]);
    compared += 1;
  }
  expect(compared).toBe(ids.length * 3);
  await nats.close();
});
