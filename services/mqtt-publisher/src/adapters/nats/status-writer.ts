import { isGatecastError } from '@gatecast/shared/errors';
import { type Clock, delay } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { StatusRecord } from '@gatecast/shared/model';
import {
  HEADER,
  type KeyValueStore,
  type Nats,
  publishToStream,
  SCHEMA_VERSION,
  subjects,
} from '@gatecast/shared/nats';
import { headers as natsHeaders } from '@nats-io/nats-core';
import type { StatusSink } from '../../application/ports.ts';

/** Least time between two writes of one gateway's record, ms. */
const PER_GATEWAY_MS = 2_000;
/** Most connects have an outcome within this time: `connecting` is written only when it lasts. */
const PENDING_MS = 250;
/** Writes under way at a time for the whole process: bounds the load when every broker goes down at once. */
const PARALLEL = 16;
const RETRY_MS = 1_000;
/** Transitions kept while NATS is away: then the oldest are forgotten. The record of each gateway is not. */
const MAX_WAITING_EVENTS = 10_000;

interface Pending {
  record: StatusRecord;
  notBefore: number;
}

/**
 * Writes status records to the bucket `status` and transitions to STATUS_EVENTS. A gateway's record is written at once
 * and then at most every two seconds, with its latest state; a record of a later owner is left alone.
 */
export class StatusWriter implements StatusSink {
  readonly #nats: Nats;
  readonly #store: KeyValueStore<StatusRecord>;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #pending = new Map<string, Pending>();
  readonly #lastWrite = new Map<string, number>();
  readonly #events: { record: StatusRecord; id: string }[] = [];
  #eventCount = 0;
  readonly #stopped = new AbortController();
  #active = 0;
  #timer: { cancel(): void } | undefined;
  #sendingEvents: Promise<void> | undefined;

  constructor(nats: Nats, store: KeyValueStore<StatusRecord>, log: Logger, clock: Clock) {
    this.#nats = nats;
    this.#store = store;
    this.#log = log;
    this.#clock = clock;
  }

  publish(record: StatusRecord, transition: boolean): void {
    if (transition) {
      const { gatewayId, code, reason, message } = record;
      this.#log.info({ gatewayId, code, reason, status: message }, 'status');
      this.#eventCount += 1;
      this.#events.push({ record, id: `${gatewayId}-${record.owner.epoch}-${this.#eventCount}` });
      if (this.#events.length > MAX_WAITING_EVENTS) {
        this.#events.shift();
        this.#log.warn('too many status transitions wait for NATS: the oldest is forgotten');
      }
      this.#sendingEvents ??= this.#sendEvents();
    }
    const last = this.#lastWrite.get(record.gatewayId) ?? Number.NEGATIVE_INFINITY;
    const settle = record.class === 'pending' ? this.#clock.monotonic() + PENDING_MS : 0;
    this.#pending.set(record.gatewayId, { record, notBefore: Math.max(last + PER_GATEWAY_MS, settle) });
    this.#work();
  }

  forget(gatewayId: string): void {
    this.#pending.delete(gatewayId);
    this.#lastWrite.delete(gatewayId);
  }

  /** Writes out what is pending, whatever was written last. */
  async flush(): Promise<void> {
    for (const pending of this.#pending.values()) pending.notBefore = 0;
    this.#work();
    while (this.#pending.size > 0 || this.#active > 0 || this.#sendingEvents) await delay(10, this.#clock);
  }

  stop(): void {
    this.#stopped.abort();
    this.#timer?.cancel();
  }

  #work(): void {
    const now = this.#clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const [gatewayId, { record, notBefore }] of this.#pending) {
      if (this.#active >= PARALLEL || this.#stopped.signal.aborted) return;
      if (notBefore > now) {
        next = Math.min(next, notBefore);
        continue;
      }
      this.#pending.delete(gatewayId);
      this.#lastWrite.set(gatewayId, now);
      this.#active += 1;
      void this.#write(record).finally(() => {
        this.#active -= 1;
        this.#work();
      });
    }
    this.#timer?.cancel();
    if (next < Number.POSITIVE_INFINITY) this.#timer = this.#clock.setTimeout(() => this.#work(), next - now);
  }

  async #write(record: StatusRecord): Promise<void> {
    const { gatewayId } = record;
    try {
      const found = await this.#store.get(gatewayId);
      if (!found) await this.#store.create(gatewayId, record);
      else if (isLater(found.value, record)) return;
      else await this.#store.update(gatewayId, record, found.revision);
    } catch (error) {
      if (!isGatecastError(error)) throw error;
      this.#log.warn({ err: error, gatewayId }, 'could not write a status, trying again');
      if (this.#pending.has(gatewayId)) return;
      this.#pending.set(gatewayId, { record, notBefore: this.#clock.monotonic() + RETRY_MS });
    }
  }

  async #sendEvents(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const [event] = this.#events;
      if (!event) break;
      const { record, id } = event;
      try {
        const headers = natsHeaders();
        headers.set(HEADER.schema, String(SCHEMA_VERSION));
        // Sent again after an unknown outcome, it is the same transition.
        headers.set(HEADER.msgId, id);
        const subject = subjects.statusEvents(record.workspace, record.gatewayId);
        await publishToStream(this.#nats, subject, Buffer.from(JSON.stringify(record)), { headers });
        if (this.#events[0] === event) this.#events.shift();
      } catch (error) {
        this.#log.warn({ err: error }, 'could not record a status transition, trying again');
        await delay(RETRY_MS, this.#clock, this.#stopped.signal);
      }
    }
    this.#sendingEvents = undefined;
  }
}

/** Whether `found` was written by a later owner: of a later stay in a fleet, or of a later epoch in the same one. */
function isLater(found: StatusRecord, record: StatusRecord): boolean {
  if (found.incarnation === record.incarnation && (found.moves ?? 0) !== (record.moves ?? 0)) {
    return (found.moves ?? 0) > (record.moves ?? 0);
  }
  return found.fleet === record.fleet && found.owner.epoch > record.owner.epoch;
}
