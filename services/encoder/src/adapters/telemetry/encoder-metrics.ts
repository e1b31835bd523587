import { Counter, Gauge, type Registry } from '@prometheus-io/client';
import type { BatchOutcome, DeadLetterReason, Observer } from '../../application/ports.ts';

const counter = <L extends string>(registry: Registry, name: string, help: string, labelNames: readonly L[] = []) =>
  new Counter<L>({ name: `gatecast_encoder_${name}`, help, labelNames: [...labelNames], registers: [registry] });

/** What happens in the encoder, as Prometheus metrics. */
export class EncoderMetrics implements Observer {
  readonly #batches;
  readonly #readings;
  readonly #outboxBatches;
  readonly #messages;
  readonly #repeats;
  readonly #linesMoved;
  readonly #deadLetters;
  readonly #deadLetterReadings;
  readonly #metadataRefused;
  readonly #publishFailures;
  readonly #waiting;
  readonly #recordWrites;
  readonly #purged;

  constructor(registry: Registry) {
    this.#batches = counter(registry, 'batches_total', 'Batches of READINGS that are done with.', ['outcome']);
    this.#readings = counter(registry, 'readings_total', 'Readings that became messages.');
    this.#outboxBatches = counter(registry, 'outbox_batches_total', 'Batches stored in an outbox.');
    this.#messages = counter(registry, 'messages_emitted_total', 'MQTT messages stored in an outbox.');
    this.#repeats = counter(registry, 'duplicate_readings_total', 'Readings dropped: same sensor, same time.');
    this.#linesMoved = counter(registry, 'lines_moved_total', 'Gateways that go on in another fleet’s outbox.');
    this.#deadLetters = counter(registry, 'dead_letters_total', 'Messages set aside in DEADLETTER.', ['reason']);
    this.#deadLetterReadings = counter(registry, 'dead_letter_readings_total', 'Readings set aside.', ['reason']);
    this.#metadataRefused = counter(registry, 'metadata_refused_total', 'Metadata topics that cannot be published.');
    this.#publishFailures = counter(registry, 'publish_failures_total', 'Outbox publishes that failed.', ['code']);
    this.#recordWrites = counter(registry, 'record_writes_total', 'Writes of partition records.', ['outcome']);
    this.#purged = counter(registry, 'readings_purged_total', 'Messages purged from READINGS.');
    this.#waiting = new Gauge({
      name: 'gatecast_encoder_waiting_for_outbox',
      help: 'Gateways that wait for room in the outbox of their fleet.',
      registers: [registry],
    });
  }

  batch(outcome: BatchOutcome): void {
    this.#batches.inc({ outcome });
  }

  readings(count: number): void {
    this.#readings.inc(count);
  }

  emitted(messages: number): void {
    this.#outboxBatches.inc();
    this.#messages.inc(messages);
  }

  repeats(count: number): void {
    if (count > 0) this.#repeats.inc(count);
  }

  lineMoved(): void {
    this.#linesMoved.inc();
  }

  deadLetter(reason: DeadLetterReason, readings: number): void {
    this.#deadLetters.inc({ reason });
    this.#deadLetterReadings.inc({ reason }, readings);
  }

  metadataRefused(count: number): void {
    if (count > 0) this.#metadataRefused.inc(count);
  }

  publishFailed(code: string): void {
    this.#publishFailures.inc({ code });
  }

  waitingForOutbox(change: 1 | -1): void {
    this.#waiting.inc(change);
  }

  recordWrite(outcome: 'written' | 'conflict' | 'failed'): void {
    this.#recordWrites.inc({ outcome });
  }

  purged(messages: number): void {
    this.#purged.inc(messages);
  }
}
