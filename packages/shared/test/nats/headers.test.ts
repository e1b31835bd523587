import { headers } from '@nats-io/nats-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type BatchHeaders,
  batchHeaders,
  HEADER,
  readBatchHeaders,
  readingsHeaders,
  readReadingsHeaders,
  requeuedHeaders,
} from '../../src/nats/index.ts';

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const incarnation = fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/);
const batch: fc.Arbitrary<BatchHeaders> = fc.record({
  incarnation,
  source: fc.record({ sequence: count, part: count, parts: count }),
  settings: count,
  first: count,
  count,
});

const GOOD: BatchHeaders = {
  incarnation: 'first',
  source: { sequence: 12, part: 1, parts: 3 },
  settings: 7,
  first: 100,
  count: 5,
};

test('what is written of a batch is read again', () => {
  fc.assert(
    fc.property(batch, (written) => {
      expect(readBatchHeaders(batchHeaders(written))).toEqual(written);
    }),
  );
});

test('what is written of readings is read again; a message id only if there is one', () => {
  fc.assert(
    fc.property(incarnation, (of) => {
      expect(readReadingsHeaders(readingsHeaders(of, 'id'))).toMatchObject({ incarnation: of });
    }),
  );
  expect(readingsHeaders('first', 'id').get(HEADER.msgId)).toBe('id');
  expect(readingsHeaders('first', undefined).has(HEADER.msgId)).toBe(false);
});

test.each(['2', '1.0', 'x'])('the schema version %j is not known', (version) => {
  for (const read of [readBatchHeaders, readReadingsHeaders]) {
    const written = batchHeaders(GOOD);
    written.set(HEADER.schema, version);
    expect(() => read(written)).toThrow(expect.objectContaining({ code: 'SCHEMA_UNKNOWN' }));
  }
});

test('what has no schema version is malformed', () => {
  const without = batchHeaders(GOOD);
  without.delete(HEADER.schema);
  const empty = batchHeaders(GOOD);
  empty.set(HEADER.schema, '');
  for (const read of [readBatchHeaders, readReadingsHeaders]) {
    for (const written of [undefined, headers(), without, empty]) {
      expect(() => read(written)).toThrow(expect.objectContaining({ code: 'PAYLOAD_MALFORMED' }));
    }
  }
});

test.each([
  [HEADER.incarnation, ['']],
  [HEADER.source, ['', '12', '12.1', '12.1/', 'a.1/3', '12.1/3/4', '12 .1/3', '-1.1/3']],
  [HEADER.settings, ['', 'x', '1.5', '-1', '9007199254740993']],
  [HEADER.first, ['', 'x', '1.5', '-1']],
  [HEADER.count, ['', 'x', '1.5', '-1']],
])('%s that is missing or malformed is refused', (header, values) => {
  const missing = batchHeaders(GOOD);
  missing.delete(header);
  expect(() => readBatchHeaders(missing)).toThrow(expect.objectContaining({ code: 'PAYLOAD_MALFORMED' }));
  for (const value of values) {
    const written = batchHeaders(GOOD);
    written.delete(header);
    if (value !== '') written.set(header, value);
    expect(() => readBatchHeaders(written)).toThrow(expect.objectContaining({ code: 'PAYLOAD_MALFORMED' }));
  }
});

test('a re-queued dead letter says what it holds, and which one it was; anything else is of a gateway', () => {
  const headers = requeuedHeaders('first', 'messages', 17);
  expect(readReadingsHeaders(headers)).toEqual({ incarnation: 'first', kind: 'messages', isRequeued: true });
  expect([headers.get(HEADER.msgId), headers.get(HEADER.requeued)]).toEqual(['deadletter-17', '17']);
  expect(readReadingsHeaders(requeuedHeaders('first', 'measurements', 1))).toMatchObject({ kind: 'measurements' });
  expect(readReadingsHeaders(readingsHeaders('first', 'id'))).toMatchObject({
    kind: 'measurements',
    isRequeued: false,
  });
  headers.set(HEADER.kind, 'pictures');
  expect(() => readReadingsHeaders(headers)).toThrow('"pictures" are not known');
});
