import { GatecastError } from '@gatecast/shared/errors';
import { type Clock, delay, fullJitter } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import { type Nats, readingsStreamOf, subjects, translateNatsError } from '@gatecast/shared/nats';
import { AckPolicy, type Consumer, type ConsumerMessages, DeliverPolicy } from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import type { SourceMessage } from '../../application/ports.ts';
import { sourceMessageOf } from './source-message.ts';

export interface PartitionReaderOptions {
  readonly nats: Nats;
  readonly partition: number;
  /** Part of the consumer's name: which owner reads. */
  readonly epoch: number;
  /** Bytes that may be read now; waits until there is room. */
  readonly room: () => Promise<number>;
  /** Asked before a consumer that was lost is made again: whether to go on. */
  readonly mayGoOn: () => Promise<boolean>;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** How long a pull request waits for messages. */
const PULL_EXPIRES_MS = 20_000;
/** Two of them missed: the consumer, or its server, is gone. */
const HEARTBEAT_MS = 5_000;
/** A consumer of a reader that is gone, or that waits for room, is removed by the server after so long. */
const INACTIVE_MS = 60_000;
/** Until ownership has decided what a lease means that could not be confirmed. */
const NOT_OURS_MS = 250;
const BACKOFF = { baseMs: 100, maxMs: 5_000 };

/**
 * Reads a partition by an ephemeral pull consumer that acknowledges nothing: the position is ours. Such a consumer does
 * not repeat what was lost on a broken connection, and is gone when its server restarts. So its deliveries are counted,
 * and at a gap, an error or a reconnect a new one goes on behind the last message that was handed out.
 */
export class PartitionReader {
  readonly #options: PartitionReaderOptions;
  #next: number;
  #consumers = 0;
  #pull: ConsumerMessages | undefined;
  #isInterrupted = false;

  constructor(from: number, options: PartitionReaderOptions) {
    this.#next = from;
    this.#options = options;
  }

  /** Messages in order, none left out, until the signal is aborted. Never throws for what NATS does. */
  async *messages(): AsyncGenerator<SourceMessage> {
    const { nats, signal, clock, random, log, mayGoOn } = this.#options;
    const interrupt = () => this.#interrupt();
    const unsubscribe = nats.onReconnect(interrupt);
    signal.addEventListener('abort', interrupt, { once: true });
    try {
      for (let failures = 0; !signal.aborted; ) {
        if (this.#consumers > 0 && !(await mayGoOn())) {
          await delay(NOT_OURS_MS, clock, signal);
          continue;
        }
        try {
          this.#isInterrupted = false;
          for await (const message of this.#fromNewConsumer()) {
            failures = 0;
            yield message;
          }
        } catch (error) {
          failures += 1;
          log.warn({ err: error, next: this.#next }, 'reading READINGS was interrupted, going on with a new consumer');
          await delay(fullJitter(failures, BACKOFF, random), clock, signal);
        }
      }
    } finally {
      unsubscribe();
      signal.removeEventListener('abort', interrupt);
    }
  }

  async *#fromNewConsumer(): AsyncGenerator<SourceMessage> {
    const { signal, room } = this.#options;
    const consumer = await this.#create();
    let delivered = 0;
    try {
      while (!signal.aborted && !this.#isInterrupted) {
        const bytes = await room();
        if (signal.aborted || this.#isInterrupted) return;
        for await (const message of this.#fetch(consumer, bytes)) {
          delivered += 1;
          if (message.info.deliverySequence !== delivered) {
            throw new GatecastError('NATS_UNAVAILABLE', `delivery ${delivered} of the consumer was lost`);
          }
          this.#next = message.info.streamSequence + 1;
          yield sourceMessageOf(message);
          if (signal.aborted) return;
        }
      }
    } finally {
      await this.#remove(consumer);
    }
  }

  /**
   * One pull request. The server ends it with an error when the next message does not fit the bytes that are left:
   * after something was delivered an error is only an end, and the next request meets the real ones again.
   */
  async *#fetch(consumer: Consumer, bytes: number) {
    let count = 0;
    const pull = await consumer.fetch({
      max_bytes: bytes,
      expires: PULL_EXPIRES_MS,
      idle_heartbeat: HEARTBEAT_MS,
    });
    this.#pull = pull;
    if (this.#isInterrupted) pull.stop();
    try {
      for await (const message of pull) {
        count += 1;
        yield message;
      }
    } catch (error) {
      if (count === 0) throw translateNatsError(error, 'pulling from READINGS');
    } finally {
      this.#pull = undefined;
      pull.stop();
    }
  }

  async #create(): Promise<Consumer> {
    const { nats, partition, epoch } = this.#options;
    this.#consumers += 1;
    try {
      const adding = nats.jsm.consumers.add(readingsStreamOf(partition), {
        name: `encoder-${partition}-${epoch}-${this.#consumers}`,
        filter_subject: subjects.readingsOfPartition(partition),
        ack_policy: AckPolicy.None,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: this.#next,
        inactive_threshold: nanos(INACTIVE_MS),
        mem_storage: true,
        num_replicas: 1,
      });
      const info = await nats.untilCut(adding);
      return nats.js.consumers.getConsumerFromInfo(info);
    } catch (error) {
      throw translateNatsError(error, `creating the consumer of partition ${partition}`);
    }
  }

  async #remove(consumer: Consumer): Promise<void> {
    if (!this.#options.nats.isConnected()) return;
    try {
      await this.#options.nats.untilCut(consumer.delete());
    } catch (error) {
      this.#options.log.debug({ err: error }, 'the consumer was gone already, or goes by its inactivity');
    }
  }

  #interrupt(): void {
    this.#isInterrupted = true;
    this.#pull?.stop();
  }
}
