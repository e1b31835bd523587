import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import { nanos, nuid } from '@nats-io/nats-core';
import { GatecastError } from '../errors/index.ts';
import { type Clock, delay, fullJitter } from '../lifecycle/index.ts';
import type { Logger } from '../logging/index.ts';
import type { Nats } from './connection.ts';
import { ConsumerFeed, type StreamMessage } from './consumer-feed.ts';
import { translateNatsError } from './errors.ts';

export interface ReadOptions {
  readonly stream: string;
  readonly filter: string;
  /** Names the consumer's purpose and owner for whoever looks at the stream. */
  readonly namePrefix: string;
  /** Messages that the server may send ahead. */
  readonly maxMessages: number;
  /** Bytes that may be read now, as the server counts them; waits until there is room. Absent: no limit. */
  readonly room?: () => Promise<number>;
  /** Asked before a consumer that was lost is made again: whether to go on. */
  readonly mayGoOn: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

export interface ReadContext {
  readonly nats: Nats;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** Until ownership has decided what a lease means that could not be confirmed. */
const NOT_OURS_MS = 250;
const BACKOFF = { baseMs: 100, maxMs: 1_000 };
/** A consumer of a reader that is gone, or that waits for room, is removed by the server after so long. */
const INACTIVE_MS = 60_000;

/**
 * The messages of a filtered stream from sequence `from`, in order, none left out or repeated, for ever; ends when the
 * signal aborts. Its consumers are pulled, acknowledge nothing and live in the server's memory: one that is lost, or lost
 * a message on the way, is followed by another one behind the last message that was handed out. Never throws for what
 * NATS does.
 */
export async function* readStream(
  context: ReadContext,
  options: ReadOptions,
  from: number,
): AsyncGenerator<StreamMessage> {
  const { clock, random, log } = context;
  const { signal, stream, maxMessages, room, mayGoOn } = options;
  let next = Math.max(1, from);
  let failures = 0;
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    if (!isFirst && !(await mayGoOn())) {
      await delay(NOT_OURS_MS, clock, signal);
      continue;
    }
    let consumer: OpenConsumer | undefined;
    try {
      consumer = await openConsumer(context, options, next);
      const { feed } = consumer;
      while (!signal.aborted) {
        const message = feed.take();
        if (message) {
          failures = 0;
          next = message.sequence + 1;
          yield message;
        } else if (feed.isDone) feed.pull({ messages: maxMessages, bytes: await room?.() });
        else await feed.changed();
      }
    } catch (error) {
      failures += 1;
      log.warn({ err: error, stream, next }, 'reading a stream was interrupted, going on with a new consumer');
      await delay(fullJitter(failures, BACKOFF, random), clock, signal);
    } finally {
      consumer?.close();
    }
  }
}

interface OpenConsumer {
  readonly feed: ConsumerFeed;
  close(): void;
}

async function openConsumer(
  { nats, clock, log }: ReadContext,
  { stream, filter, namePrefix, signal }: ReadOptions,
  from: number,
): Promise<OpenConsumer> {
  const name = `${namePrefix}-${nuid.next()}`;
  await addConsumer(nats, stream, filter, name, from);
  const feed = new ConsumerFeed(nats, stream, name, clock);
  const closeFeed = () => feed.close();
  signal.addEventListener('abort', closeFeed, { once: true });
  // A memory consumer does not survive its server, and a request made before the cut is forgotten.
  const unsubscribe = nats.onReconnect(() => feed.fail(reconnected()));
  return {
    feed,
    close() {
      signal.removeEventListener('abort', closeFeed);
      unsubscribe();
      feed.close();
      removeConsumer(nats, stream, name, log);
    },
  };
}

function reconnected(): GatecastError {
  return new GatecastError('NATS_UNAVAILABLE', 'the connection to NATS was cut', { retryable: true });
}

async function addConsumer(nats: Nats, stream: string, filter: string, name: string, from: number): Promise<void> {
  const config = {
    name,
    filter_subject: filter,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: from,
    inactive_threshold: nanos(INACTIVE_MS),
    mem_storage: true,
    num_replicas: 1,
  };
  try {
    await nats.untilCut(nats.jsm.consumers.add(stream, config));
  } catch (error) {
    throw translateNatsError(error, `creating a consumer of ${stream}`);
  }
}

/** Nobody waits for it: one that stays goes by its inactivity. */
function removeConsumer(nats: Nats, stream: string, name: string, log: Logger): void {
  if (!nats.isConnected()) return;
  nats.jsm.consumers.delete(stream, name).catch((error: unknown) => {
    log.debug({ err: error, stream }, 'the consumer was gone already, or goes by its inactivity');
  });
}
