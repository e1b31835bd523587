import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import {
  type Nats,
  nextMessageOf,
  readingsStreamOf,
  readStream,
  subjects,
  translateNatsError,
} from '@gatecast/shared/nats';
import { AckPolicy, type ConsumerConfig, type ConsumerInfo, DeliverPolicy } from '@nats-io/jetstream';
import { nanos, nuid } from '@nats-io/nats-core';
import type { ReadingsPort, SourceMessage, StreamPoint, StreamState } from '../../application/ports.ts';
import { sourceMessageOf } from './source-message.ts';

/** In one request; its bytes are what is bounded. */
const PULL_MESSAGES = 100;
const PROBE_INACTIVE_MS = 10_000;

/** READINGS by JetStream. */
export class NatsReadings implements ReadingsPort {
  readonly #nats: Nats;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: Logger;

  constructor(nats: Nats, clock: Clock, random: () => number, log: Logger) {
    this.#nats = nats;
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
  }

  async *follow(options: Parameters<ReadingsPort['follow']>[0]): AsyncGenerator<SourceMessage> {
    const { from, partition, epoch, room, mayGoOn, signal } = options;
    const context = { nats: this.#nats, clock: this.#clock, random: this.#random, log: this.#log.child({ partition }) };
    const reading = {
      stream: readingsStreamOf(partition),
      filter: subjects.readingsOfPartition(partition),
      namePrefix: `encoder-${partition}-e${epoch}`,
      maxMessages: PULL_MESSAGES,
      ...{ room, mayGoOn, signal },
    };
    for await (const message of readStream(context, reading, from)) yield sourceMessageOf(message);
  }

  async pointAt(partition: number, start: { sequence: number } | { time: number }): Promise<StreamPoint> {
    const from: Partial<ConsumerConfig> =
      'sequence' in start
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start.sequence }
        : startingAt(start.time);
    const info = await this.#probe(partition, subjects.readingsOfPartition(partition), from);
    return { sequence: firstSequenceOf(info), messages: info.num_pending };
  }

  async timeOf(partition: number, sequence: number): Promise<number | undefined> {
    const message = await this.#do('reading the time of a message', () =>
      this.#nats.jsm.streams.getMessage(readingsStreamOf(partition), { seq: sequence }),
    );
    return message?.time.getTime();
  }

  async hasAfter(partition: number, sequence: number): Promise<boolean> {
    const filter = subjects.readingsOfPartition(partition);
    return (await nextMessageOf(this.#nats, readingsStreamOf(partition), filter, sequence + 1)) !== undefined;
  }

  async state(partition: number): Promise<StreamState> {
    const { state, config } = await this.#do('reading the state of READINGS', () =>
      this.#nats.jsm.streams.info(readingsStreamOf(partition)),
    );
    const fill = config.max_bytes > 0 ? state.bytes / config.max_bytes : 0;
    return { firstSequence: state.first_seq, lastSequence: state.last_seq, fill };
  }

  async sequenceAt(partition: number, time: number): Promise<number> {
    return firstSequenceOf(await this.#probe(partition, subjects.allReadings, startingAt(time)));
  }

  async purgeBefore(partition: number, sequence: number): Promise<number> {
    const { purged } = await this.#do('purging READINGS', () =>
      this.#nats.jsm.streams.purge(readingsStreamOf(partition), { seq: sequence }),
    );
    return purged;
  }

  /** A consumer that is only asked where it would begin, and how much there is from there on. */
  async #probe(partition: number, filter: string, start: Partial<ConsumerConfig>): Promise<ConsumerInfo> {
    const stream = readingsStreamOf(partition);
    return await this.#do('looking up a place in READINGS', async () => {
      const info = await this.#nats.jsm.consumers.add(stream, {
        ...start,
        // The server lets users create consumers by name and filter.
        name: `encoder-probe-${nuid.next()}`,
        filter_subject: filter,
        ack_policy: AckPolicy.None,
        inactive_threshold: nanos(PROBE_INACTIVE_MS),
        mem_storage: true,
        num_replicas: 1,
      });
      await this.#nats.jsm.consumers.delete(stream, info.name);
      return info;
    });
  }

  async #do<T>(what: string, request: () => Promise<T>): Promise<T> {
    try {
      return await this.#nats.untilCut(request());
    } catch (error) {
      throw translateNatsError(error, what);
    }
  }
}

function startingAt(time: number): Partial<ConsumerConfig> {
  return {
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: new Date(Math.max(0, time)).toISOString(),
  };
}

/** A consumer's start is told as "delivered up to the message before". */
function firstSequenceOf(info: ConsumerInfo): number {
  return info.delivered.stream_seq + 1;
}
