import type { Msg } from '@nats-io/nats-core';
import { headers as libraryHeaders } from '@nats-io/nats-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/lifecycle/index.ts';
import { createLogger } from '../../src/logging/index.ts';
import { ConsumerFeed } from '../../src/nats/consumer-feed.ts';
import {
  connectNats,
  HeaderBlock,
  type Nats,
  publishToStream,
  type ReadOptions,
  readStream,
  type StreamMessage,
} from '../../src/nats/index.ts';
import { ManualClock, NatsServer, waitFor } from '../../src/testing/index.ts';

const STREAM = 'LINE';
const FILTER = 'line.0.*';
const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });

let server: NatsServer;
let nats: Nats;
let reader: Reader | undefined;

beforeEach(async () => {
  server = await NatsServer.start();
  nats = await connectNats({ natsUrl: server.url, name: 'read-stream' }, log);
  await nats.jsm.streams.add({ name: STREAM, subjects: ['line.>'] });
});

afterEach(async () => {
  await reader?.stop();
  reader = undefined;
  await nats.close();
  await server.stop();
});

/** Reads until it is stopped. */
class Reader {
  readonly messages: StreamMessage[] = [];
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: Partial<ReadOptions> = {}, { from = 1, clock = systemClock as Clock, through = nats } = {}) {
    const context = { nats: through, clock, random: () => 0.5, log };
    const { signal } = this.#abort;
    const defaults = { stream: STREAM, filter: FILTER, namePrefix: 'test', maxMessages: 10, mayGoOn: async () => true };
    this.#running = this.#read(readStream(context, { ...defaults, signal, ...options }, from));
  }

  get sequences(): number[] {
    return this.messages.map(({ sequence }) => sequence);
  }

  async #read(messages: AsyncIterable<StreamMessage>): Promise<void> {
    for await (const message of messages) this.messages.push(message);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }
}

async function publish(count: number, subject = 'line.0.a'): Promise<void> {
  for (let n = 0; n < count; n += 1)
    await publishToStream(nats, subject, Buffer.from(`${n}`), { headers: new HeaderBlock() });
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

const seen = (last: number) =>
  waitFor(() => reader?.sequences.at(-1) === last, { timeoutMs: 15_000, describe: `message ${last}` });

async function consumers(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of nats.jsm.consumers.list(STREAM)) names.push(name);
  return names;
}

/** Waits until there is one. */
async function onlyConsumer(): Promise<string> {
  return await waitFor(async () => (await consumers())[0], { describe: 'a consumer' });
}

/** A connection to the same server that `intercept` may keep messages from: those that it returns nothing for. */
function intercepted(intercept: (message: Msg) => Msg | undefined): Nats {
  const connection = Object.create(nats.connection) as Nats['connection'];
  connection.subscribe = (subject, options) =>
    nats.connection.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        const passed = error ? message : intercept(message);
        if (passed) options?.callback?.(error, passed);
      },
    });
  return { ...nats, connection };
}

test('reads a filtered stream from a sequence on, more than one request brings, and what comes later', async () => {
  await publish(35);
  await publish(1, 'line.1.b');
  reader = new Reader({}, { from: 5 });
  await seen(35);
  await publish(2);
  await seen(38);
  expect(reader.sequences).toEqual([...upTo(35).slice(4), 37, 38]);
});

test('hands out subject, headers, body and the time of storing', async () => {
  const headers = new HeaderBlock();
  headers.set('Gatecast-First', '17');
  const before = Date.now();
  await publishToStream(nats, 'line.0.a', Buffer.from('body'), { headers });
  await nats.js.publish('line.0.b', 'bare');
  reader = new Reader();
  await seen(2);
  const [first, second] = reader.messages;
  expect(first).toMatchObject({ subject: 'line.0.a', sequence: 1 });
  expect(first!.headers).toBeInstanceOf(HeaderBlock);
  expect(first!.headers!.get('Gatecast-First')).toBe('17');
  expect(Buffer.from(first!.data).toString()).toBe('body');
  expect(first!.storedAt).toBeGreaterThanOrEqual(before - 1);
  expect(first!.storedAt).toBeLessThanOrEqual(Date.now());
  expect(second!.headers).toBeUndefined();
  expect(Buffer.from(second!.data).toString()).toBe('bare');
});

test('goes on behind the last message when its consumer is deleted', async () => {
  await publish(12);
  reader = new Reader();
  await seen(12);
  await nats.jsm.consumers.delete(STREAM, await onlyConsumer());
  await publish(12);
  await seen(24);
  expect(reader.sequences).toEqual(upTo(24));
});

test.each(['SIGTERM', 'SIGKILL'] as const)('goes on when the server is restarted (%s)', async (signal) => {
  await publish(12);
  reader = new Reader();
  await seen(12);
  await server.restart({ signal });
  await waitFor(() => nats.isConnected());
  await publish(12);
  await seen(24);
  expect(reader.sequences).toEqual(upTo(24));
});

test('a message that is lost on the way is read again, and nothing behind it before', async () => {
  await publish(12);
  let isLost = false;
  const through = intercepted((message) => {
    if (isLost || !message.reply?.startsWith('$JS.ACK') || !message.reply.includes('.7.7.')) return message;
    isLost = true;
    return undefined;
  });
  reader = new Reader({}, { through });
  await seen(12);
  expect(isLost).toBe(true);
  expect(reader.sequences).toEqual(upTo(12));
});

test('that the last message was lost is learned from a heartbeat', async () => {
  await publish(3);
  let isLost = false;
  let hear: ((message: Msg) => void) | undefined;
  const through = intercepted((message) => {
    if (isLost || !message.reply?.includes('.3.3.')) return message;
    isLost = true;
    return undefined;
  });
  const { connection } = through;
  const { subscribe } = connection;
  let inbox = '';
  connection.subscribe = (subject, options) => {
    inbox = subject.replace('*', '1');
    hear = (message) => options?.callback?.(null, message);
    return subscribe(subject, options);
  };
  reader = new Reader({}, { through });
  await waitFor(() => isLost);
  const heartbeat = libraryHeaders(100, 'Idle Heartbeat');
  heartbeat.set('Nats-Last-Consumer', '3');
  hear?.({ subject: inbox, headers: heartbeat } as Msg);
  await seen(3);
  expect(reader.sequences).toEqual(upTo(3));
});

test('a consumer that is silent for two heartbeats is given up', async () => {
  const clock = new ManualClock();
  let isMute = true;
  const through = intercepted((message) => (isMute ? undefined : message));
  reader = new Reader({}, { clock, through });
  const mute = await onlyConsumer();
  await publish(3);
  isMute = false;
  await waitFor(async () => {
    await clock.advance(1_000);
    return reader?.sequences.length === 3;
  });
  expect(reader.sequences).toEqual(upTo(3));
  await waitFor(async () => !(await consumers()).includes(mute));
});

test('a lost consumer is not made again before it may', async () => {
  const answers: boolean[] = [];
  let isOurs = false;
  const mayGoOn = async () => {
    answers.push(isOurs);
    return isOurs;
  };
  reader = new Reader({ mayGoOn });
  await nats.jsm.consumers.delete(STREAM, await onlyConsumer());
  await publish(1);
  await waitFor(() => answers.length >= 2);
  expect(reader.sequences).toEqual([]);
  expect(await consumers()).toEqual([]);
  isOurs = true;
  await seen(1);
});

test('reads no more than there is room for, and waits for room', async () => {
  await publish(30);
  const asked: ((bytes: number) => void)[] = [];
  reader = new Reader({ room: () => new Promise((resolve) => asked.push(resolve)) });
  const give = async (bytes: number) => {
    const resolve = await waitFor(() => asked.shift(), { describe: 'the reader to ask for room' });
    resolve(bytes);
  };
  const first = await onlyConsumer();
  await give(500);
  await waitFor(() => asked.length > 0, { describe: 'all that there was room for' });
  expect(reader.sequences.length).toBeGreaterThan(0);
  expect(reader.sequences.length).toBeLessThan(10);
  for (let request = 0; request < 3; request += 1) await give(100_000);
  await seen(30);
  expect(reader.sequences).toEqual(upTo(30));
  // Room for more than one request may bring: the server says so after the last message of each, which is no failure.
  expect(await onlyConsumer()).toBe(first);
});

test('waits for a stream that is not there yet', async () => {
  reader = new Reader({ stream: 'LATER', filter: 'later.*' });
  await nats.jsm.streams.add({ name: 'LATER', subjects: ['later.*'] });
  await nats.js.publish('later.a', 'x');
  await seen(1);
});

test('ends when it is told to, and leaves no consumer behind', async () => {
  await publish(1);
  reader = new Reader();
  await seen(1);
  await reader.stop();
  await waitFor(async () => (await consumers()).length === 0);
  await publish(1);
  expect(reader.sequences).toEqual([1]);
});

test('bytes that are used up to the last one end a pull, of which the server says nothing', async () => {
  await publish(5);
  // Subject, `$JS.ACK.<stream>.<consumer>.1.<sequence>.<delivery>.<ns>.<pending>`, empty headers, one byte.
  const bytes = 8 + 68 + 12 + 1;
  reader = new Reader({ room: async () => 2 * bytes }, { clock: new ManualClock() });
  await seen(5);
});

test('a pull fails once the connection is closed', async () => {
  const other = await connectNats({ natsUrl: server.url, name: 'closed' }, log);
  const feed = new ConsumerFeed(other, STREAM, 'anything', systemClock);
  await other.close();
  feed.pull({ messages: 1, bytes: undefined });
  expect(() => feed.take()).toThrow(expect.objectContaining({ code: 'NATS_UNAVAILABLE' }));
});
