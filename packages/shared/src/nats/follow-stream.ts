import {
  AckPolicy,
  type Consumer,
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
  ReplayPolicy,
} from '@nats-io/jetstream';
import { type Clock, delay } from '../lifecycle/index.ts';
import type { Logger } from '../logging/index.ts';
import type { Nats } from './connection.ts';

const RETRY_MS = 250;
const INACTIVE_NS = 30_000_000_000;

export interface FollowOptions {
  stream: string;
  filter: string;
  /** Names the consumer's purpose and owner for whoever looks at the stream. */
  namePrefix: string;
  /** Messages that the server may send ahead. */
  maxMessages: number;
  /** Asked before a consumer that was lost is made again: whether to go on. */
  mayGoOn?: () => Promise<boolean>;
}

/**
 * The messages of a filtered stream from sequence `from`, in order, for ever; ends when `signal` aborts. The consumer
 * acknowledges nothing and lives in the server's memory: when it is lost (a restart of the server), it is made again
 * after the last message that was taken, so nothing is skipped or repeated.
 */
export async function* followStream(
  nats: Nats,
  options: FollowOptions,
  from: number,
  signal: AbortSignal,
  log: Logger,
  clock: Clock,
): AsyncGenerator<JsMsg> {
  let next = from;
  for (let generation = 0; !signal.aborted; generation += 1) {
    let messages: ConsumerMessages;
    if (generation > 0 && options.mayGoOn && !(await options.mayGoOn())) {
      await delay(RETRY_MS, clock, signal);
      continue;
    }
    try {
      const consumer = await createConsumer(nats, options, next, generation);
      messages = await consumer.consume({
        max_messages: options.maxMessages,
        idle_heartbeat: 5_000,
        abort_on_missing_resource: true,
      });
    } catch (error) {
      log.warn({ err: error, stream: options.stream }, 'could not create a consumer, trying again');
      await delay(RETRY_MS, clock, signal);
      continue;
    }
    const stop = () => messages.stop();
    signal.addEventListener('abort', stop, { once: true });
    // A memory consumer does not survive its server; what is wrong shows only after missed heartbeats otherwise.
    const unsubscribe = nats.onReconnect(stop);
    void stopWhenLost(messages, log);
    try {
      let delivered = 0;
      for await (const message of messages) {
        delivered += 1;
        // Without acknowledgements nothing is delivered again: what is missing is read by a new consumer.
        if (message.info.deliverySequence !== delivered) throw new Error(`delivery ${delivered} was lost`);
        next = message.seq + 1;
        yield message;
        if (signal.aborted) return;
      }
    } catch (error) {
      log.warn({ err: error, stream: options.stream }, 'the consumer ended, making it again');
    } finally {
      signal.removeEventListener('abort', stop);
      unsubscribe();
      messages.stop();
    }
  }
}

async function createConsumer(nats: Nats, options: FollowOptions, from: number, generation: number): Promise<Consumer> {
  const info = await nats.jsm.consumers.add(options.stream, {
    name: `${options.namePrefix}-${generation}-${Math.trunc(performance.timeOrigin + performance.now()).toString(36)}`,
    filter_subject: options.filter,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: Math.max(1, from),
    replay_policy: ReplayPolicy.Instant,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: INACTIVE_NS,
  });
  return nats.js.consumers.getConsumerFromInfo(info);
}

async function stopWhenLost(messages: ConsumerMessages, log: Logger): Promise<void> {
  let missed = 0;
  for await (const status of messages.status()) {
    if (status.type === 'heartbeats_missed') missed += 1;
    else if (status.type === 'consumer_deleted' || status.type === 'consumer_not_found') missed = 2;
    if (missed >= 2) {
      log.warn({ status: status.type }, 'the consumer is lost');
      messages.stop();
      return;
    }
  }
}
