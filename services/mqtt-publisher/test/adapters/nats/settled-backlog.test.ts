import { batchHeaders, type Nats } from '@gatecast/shared/nats';
import type { ConsumerInfo } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { firstUnsettled } from '../../../src/adapters/nats/settled-backlog.ts';
import type { SettledRecords } from '../../../src/adapters/nats/settled-records.ts';
import { batchOf } from '../../support/batches.ts';

/** A BACKLOG stream with one message of one gateway at each sequence; those in `lost` are delivered, and never come. */
function backlogOf(last: number, lost: number[] = []): Nats {
  const message = (seq: number) => ({
    seq,
    subject: 'backlog.east.gw-1',
    info: { deliverySequence: seq },
    headers: batchHeaders(batchOf(seq, seq).headers),
  });
  const sequences = Array.from({ length: last }, (_, index) => index + 1);
  const batches = [sequences.filter((seq) => !lost.includes(seq)).map(message)];
  const consumer = { fetch: async () => batches.shift() ?? [], delete: async () => true };
  return {
    jsm: { consumers: { add: async () => ({ num_pending: last }) as ConsumerInfo } },
    js: { consumers: { getConsumerFromInfo: async () => consumer } },
  } as unknown as Nats;
}

/** Every message is settled but that of counter `needed`. */
function allBut(needed: number): SettledRecords {
  return { isSettled: async (_gatewayId: string, _line: unknown, last: number) => last !== needed } as SettledRecords;
}

const find = (nats: Nats, records: SettledRecords, last: number) =>
  firstUnsettled(nats, 'BACKLOG_east', records, last, new AbortController().signal);

test('the first message that somebody needs, or what comes behind the last', async () => {
  expect(await find(backlogOf(9), allBut(5), 9)).toBe(5);
  expect(await find(backlogOf(9), allBut(0), 9)).toBe(10);
  expect(await find(backlogOf(9), allBut(0), 7)).toBe(8);
});

test('what was lost on the way may be needed', async () => {
  expect(await find(backlogOf(9, [4, 5]), allBut(5), 9)).toBe(4);
});
