import { createLogger } from '@gatecast/shared/logging';
import type { GatewayCheckpoint } from '@gatecast/shared/model';
import { ManualClock } from '@gatecast/shared/testing';
import type { DeliveryLimits, DeliveryObserver, PartitionContext } from '../../src/application/context.ts';
import { GatewayLine } from '../../src/application/gateway-line.ts';
import type { BacklogTail } from '../../src/application/ports.ts';
import type { Batch } from '../../src/domain/batch.ts';
import type { LaneItem } from '../../src/domain/lane-item.ts';
import { Outstanding } from '../../src/domain/outstanding.ts';
import { type BatchOptions, batchOf } from './batches.ts';
import { FakeBacklogStore } from './fake-backlog-store.ts';
import { FakeLease } from './fake-lease.ts';

export const LIMITS: DeliveryLimits = {
  laneMaxMessages: 10,
  awayMs: 3_000,
  lineMaxAgeMs: 30_000,
  windowsBeyondRecord: 4,
  recordIntervalMs: 250,
  partitionMaxBatches: 1_000,
  attemptTimeoutMs: 60_000,
  backoffBaseMs: 1_000,
  backoffMaxMs: 60_000,
  drainMs: 700,
};

/** Sums of what an observer was told. */
export class CountingObserver implements DeliveryObserver {
  readonly counts: Record<string, number> = {};

  messageDelivered = () => this.#add('delivered', 1);
  batchDelivered = () => this.#add('batches', 1);
  uncertain = (messages: number) => this.#add('uncertain', messages);
  unproven = (messages: number) => this.#add('unproven', messages);
  repeated = (messages: number) => this.#add('repeated', messages);
  lost = (messages: number) => this.#add('lost', messages);
  dropped = (_reason: string, messages: number) => this.#add('dropped', messages);
  deadLettered = () => this.#add('deadLettered', 1);
  movedToBacklog = (messages: number) => this.#add('movedToBacklog', messages);
  backlogRefused = (messages: number) => this.#add('backlogRefused', messages);
  downgraded = (what: string) => this.#add(`downgraded ${what}`, 1);
  turnAwaited = () => this.#add('turns', 1);
  connectAttempt = () => this.#add('connectAttempts', 1);
  sessionEnded = () => this.#add('sessionsEnded', 1);
  recordWritten = () => this.#add('records', 1);
  moved = (direction: string) => this.#add(`moved ${direction}`, 1);
  purged = () => this.#add('purges', 1);

  #add(what: string, count: number): void {
    this.counts[what] = (this.counts[what] ?? 0) + count;
  }
}

export interface LineHarnessParts {
  checkpoint?: GatewayCheckpoint;
  tail?: BacklogTail;
  backlog?: FakeBacklogStore;
  limits?: Partial<DeliveryLimits>;
}

/** One gateway's line with hand-driven surroundings: the test plays partition, session and broker. */
export class LineHarness {
  readonly clock = new ManualClock();
  readonly lease = new FakeLease();
  readonly observer = new CountingObserver();
  readonly backlog: FakeBacklogStore;
  readonly line: GatewayLine;
  /** Counters that the broker has acknowledged, in the order in which they were sent. */
  readonly delivered: number[] = [];
  readonly outstanding = new Outstanding(0);
  readonly context: PartitionContext;
  /** What the partition was asked to record. */
  readonly recordRequests: ('now' | 'soon')[] = [];
  /** Called when the lane was fed, as the session is. */
  onFed: () => void = () => undefined;
  /** Dead letters: payload and reason. */
  readonly deadLetters: { payload: string; reason: string }[] = [];
  /** While set, no dead letter can be stored. */
  deadLetterFailure: Error | undefined;
  #inFlight: LaneItem[] = [];
  #sequence = 0;

  constructor(parts: LineHarnessParts = {}) {
    const { checkpoint = { i: 'first', s: 0 }, tail, backlog = new FakeBacklogStore(), limits } = parts;
    this.backlog = backlog;
    this.context = this.#createContext({ ...LIMITS, ...limits });
    this.line = new GatewayLine('gw-1', checkpoint, tail, this.context, () => this.onFed());
  }

  /** What `counts` says of losses and the like; 0 when it was never told. */
  count(what: string): number {
    return this.observer.counts[what] ?? 0;
  }

  /** The moving line brings a batch. Its sequence is the next one, unless `options` say otherwise. */
  offer(first: number, last = first, options: BatchOptions = {}): Batch {
    const batch = batchOf(first, last, { sequence: this.#sequence + 1, ...options });
    this.#sequence = batch.sequence;
    this.outstanding.add(batch);
    this.line.offer(batch);
    return batch;
  }

  /** Sends up to `window` messages of the lane, without their acknowledgements. */
  send(window = Number.POSITIVE_INFINITY): void {
    const { lane } = this.line;
    for (let count = 0; count < window; count += 1) {
      lane.advance();
      const item = lane.peek(Number.POSITIVE_INFINITY, this.line.recorded);
      if (!item) return;
      lane.sent(item);
      this.#inFlight.push(item);
    }
  }

  /** The broker acknowledges the oldest `count` of those in flight. */
  acknowledge(count = Number.POSITIVE_INFINITY): void {
    for (const item of this.#inFlight.splice(0, count)) {
      this.line.lane.acknowledged(item, 'delivered');
      this.delivered.push(item.counter);
    }
    this.line.lane.advance();
    this.line.wake();
  }

  /** The durable record holds what is settled now. */
  record(): GatewayCheckpoint {
    const checkpoint = this.line.checkpoint();
    for (const batch of [...this.outstanding.batches()]) {
      if (batch.inBacklog || checkpoint.s >= batch.last) this.outstanding.remove(batch);
    }
    this.line.recordedAs({ ...checkpoint });
    return checkpoint;
  }

  /** The session ended unasked. */
  loseSession(): void {
    this.#inFlight = [];
    this.line.lane.sessionLost();
  }

  /** Lets everything happen that can happen without time passing. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  /** A broker that takes everything at once, until nothing is left. */
  async deliverAll(): Promise<void> {
    for (let idle = 0; idle < 3; ) {
      await this.settle();
      const before = this.line.lane.settled;
      this.send();
      this.acknowledge();
      this.record();
      this.line.wake();
      idle = this.line.lane.settled === before && this.line.lane.size === 0 ? idle + 1 : 0;
    }
  }

  #createContext(limits: DeliveryLimits): PartitionContext {
    return {
      fleet: 'default',
      partition: 0,
      lease: () => this.lease,
      outstanding: this.outstanding,
      requestRecord: (urgency) => this.recordRequests.push(urgency),
      backlog: this.backlog,
      deadLetters: {
        put: async (_batch, message, reason) => {
          if (this.deadLetterFailure) throw this.deadLetterFailure;
          this.deadLetters.push({ payload: Buffer.from(message.payload).toString(), reason });
        },
      },
      connector: { connect: () => Promise.reject(new Error('nothing here connects')) },
      connectQueue: { next: async () => true },
      upstream: { of: async () => ({ acceptedAt: undefined, outboxSequence: 0 }) },
      limits,
      observer: this.observer,
      clock: this.clock,
      random: () => 0.5,
      log: createLogger({ service: 'test', instance: 'test', level: 'silent' }),
    };
  }
}
