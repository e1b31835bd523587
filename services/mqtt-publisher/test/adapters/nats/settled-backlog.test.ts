import { GatecastError } from '@gatecast/shared/errors';
import { createLogger } from '@gatecast/shared/logging';
import { batchHeaders, HEADER, type Nats } from '@gatecast/shared/nats';
import type { ConsumerInfo } from '@nats-io/jetstream';
import { beforeEach, expect, test } from 'vitest';
import { firstUnsettled, type SettledBacklogOptions } from '../../../src/adapters/nats/settled-backlog.ts';
import type { SettledRecords } from '../../../src/adapters/nats/settled-records.ts';
import { batchOf } from '../../support/batches.ts';

interface BacklogParts {
  /** Sequences that are delivered, and never come. */
  lost?: number[];
  unreadable?: number[];
  /** Written by a newer publisher. */
  newer?: number[];
  /** How many messages the replica knows of that the consumer is on. */
  pending?: number;
}

/** A BACKLOG stream with one message of one gateway at each sequence. */
function backlogOf(last: number, { lost = [], unreadable = [], newer = [], pending = last }: BacklogParts = {}): Nats {
  const message = (seq: number) => ({
    seq,
    subject: 'backlog.east.gw-1',
    info: { deliverySequence: seq },
    headers: unreadable.includes(seq) ? undefined : headersOf(seq, newer.includes(seq)),
  });
  const sequences = Array.from({ length: last }, (_, index) => index + 1);
  const batches = [sequences.filter((seq) => !lost.includes(seq)).map(message)];
  const consumer = { fetch: async () => batches.shift() ?? [], delete: async () => true };
  return {
    jsm: {
      consumers: { add: async () => ({ num_pending: pending }) as ConsumerInfo },
      streams: { getMessage: async (_stream: string, { seq }: { seq: number }) => ({ seq, data: Buffer.from('?') }) },
    },
    untilCut: async <T>(request: Promise<T>) => await request,
    js: { consumers: { getConsumerFromInfo: async () => consumer } },
  } as unknown as Nats;
}

function headersOf(seq: number, isNewer: boolean) {
  const headers = batchHeaders(batchOf(seq, seq).headers);
  if (isNewer) headers.set(HEADER.schema, '999');
  return headers;
}

/** Every message is settled but that of counter `needed`. */
function allBut(needed: number): SettledRecords {
  return { isSettled: async (_gatewayId: string, _line: unknown, last: number) => last !== needed } as SettledRecords;
}

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
let aside: [sequence: number, data: string, code: string][];
let failure: GatecastError | undefined;

beforeEach(() => {
  aside = [];
  failure = undefined;
});

function find(nats: Nats, records: SettledRecords, last: number): Promise<number> {
  const unreadable: SettledBacklogOptions['unreadable'] = {
    setAside: async ({ sequence, data }, { code }) => {
      if (failure) throw failure;
      aside.push([sequence, Buffer.from(data).toString(), code]);
    },
  };
  const options = { nats, fleet: 'east', records, unreadable, log };
  return firstUnsettled(options, last, new AbortController().signal);
}

test('the first message that somebody needs, or what comes behind the last', async () => {
  expect(await find(backlogOf(9), allBut(5), 9)).toBe(5);
  expect(await find(backlogOf(9), allBut(0), 9)).toBe(10);
  expect(await find(backlogOf(9), allBut(0), 7)).toBe(8);
});

test('what was lost on the way may be needed', async () => {
  expect(await find(backlogOf(9, { lost: [4, 5] }), allBut(5), 9)).toBe(4);
});

test('a message that cannot be read is set aside, and does not keep what is behind it', async () => {
  expect(await find(backlogOf(9, { unreadable: [3] }), allBut(7), 9)).toBe(7);
  expect(aside).toEqual([[3, '?', 'PAYLOAD_MALFORMED']]);
});

test('nor what is in front of it, when it cannot be set aside', async () => {
  failure = new GatecastError('STORAGE_FULL', 'no room');
  expect(await find(backlogOf(9, { unreadable: [3] }), allBut(0), 9)).toBe(3);
});

test('a replica that has nothing (yet) does not say that nothing is needed', async () => {
  expect(await find(backlogOf(9, { pending: 0 }), allBut(0), 9)).toBe(1);
});

test('what a newer publisher has written is needed, and left to it', async () => {
  expect(await find(backlogOf(9, { newer: [3] }), allBut(0), 9)).toBe(3);
  expect(aside).toEqual([]);
});
