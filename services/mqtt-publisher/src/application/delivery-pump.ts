import { delay } from '@gatecast/shared/lifecycle';
import type { MqttMessage } from '@gatecast/shared/outbox';
import { withinCapabilities } from '../domain/broker-limits.ts';
import { fitToBroker } from '../domain/fit-to-broker.ts';
import type { LaneItem } from '../domain/lane-item.ts';
import { packetIdOf } from '../domain/packet-ids.ts';
import { PACKET_TOO_LARGE, reasonToSetAside } from '../domain/refusal.ts';
import type { SessionEnd } from '../domain/session-end.ts';
import type { SessionSettings } from '../domain/session-settings.ts';
import { AckWatch } from './ack-watch.ts';
import type { PartitionContext } from './context.ts';
import { Extras } from './extras.ts';
import type { GatewayLine } from './gateway-line.ts';
import type { MqttSession, PublishOptions, PublishOutcome } from './ports.ts';
import { PublishRate } from './publish-rate.ts';
import { Releases } from './releases.ts';
import { SendWindow } from './send-window.ts';
import { WindDown } from './wind-down.ts';

/** Why the pump gave up on its session. */
export type PumpFailure = { kind: 'ack_timeout' } | { kind: 'refused'; reasonCode: number };

export interface PumpEvents {
  /** The broker answered: it acknowledged a message of the lane, or something else (birth, PINGREQ). */
  onProof(of: 'message' | 'other'): void;
  onFailure(failure: PumpFailure): void;
  /** A message was set aside for good, refused with this code or found to be poison; the rest flows. */
  onSetAside(why: number | 'poison'): void;
}

const FIRST_STORE_RETRY_MS = 200;
const LAST_STORE_RETRY_MS = 5_000;

/** Moves messages from a lane through one session, and what has to be said beside them. Lives as long as its session. */
export class DeliveryPump {
  readonly #session: MqttSession;
  /** As far as the broker can keep them. */
  readonly #settings: SessionSettings;
  readonly #isQosLowered: boolean;
  readonly #line: GatewayLine;
  readonly #context: PartitionContext;
  readonly #events: PumpEvents;
  readonly #window: SendWindow;
  readonly #rate: PublishRate;
  readonly #ackWatch: AckWatch;
  readonly #extras: Extras;
  readonly #releases: Releases;
  readonly #windDown: WindDown;
  /** Revision of the integration that the session is good for: later messages wait until it has been looked at. */
  #revision: number;
  #open = true;
  /** Ends what waits when the session ends; only a session in which that happens has one. */
  #closed: AbortController | undefined;
  #paused = false;

  constructor(
    session: MqttSession,
    settings: SessionSettings,
    revision: number,
    line: GatewayLine,
    context: PartitionContext,
    events: PumpEvents,
  ) {
    this.#session = session;
    this.#settings = withinCapabilities(settings, session.grant);
    this.#isQosLowered = this.#settings !== settings;
    this.#revision = revision;
    this.#line = line;
    this.#context = context;
    this.#events = events;
    this.#window = new SendWindow(this.#settings, session.grant, line, context.limits);
    this.#rate = new PublishRate(settings.publishesPerSecond, context.clock, () => this.run());
    this.#ackWatch = new AckWatch(session, settings.ackTimeoutMs, context, {
      isAnswered: () => this.#isAnswered,
      onPong: () => this.#ponged(),
      onTimeout: () => this.#events.onFailure({ kind: 'ack_timeout' }),
    });
    const onSend = () => this.#ackWatch.arm();
    this.#extras = new Extras(session, line.gatewayId, context, {
      hasPlace: (inFlight) => this.#window.hasPlaceForExtra(inFlight),
      isInRate: () => this.#rate.take(),
      onSend,
      onAnswer: (answer) => this.#extraAnswered(answer),
    });
    this.#releases = new Releases(session, line, context, {
      onSend,
      onAnswer: (item, answer) => this.#released(item, answer),
    });
    this.#windDown = new WindDown(session, line, context, settings.inFlight, { onSend, onDone: () => this.run() });
    line.poison.sessionStarted(this.#settings.qos);
  }

  /** Whether everything sent is acknowledged. */
  get idle(): boolean {
    return this.#line.lane.inFlight + this.#windDown.inFlight === 0 && this.#extras.idle;
  }

  /** How long the broker has owed the answer that is next, ms; 0 when it owes none. */
  get owedForMs(): number {
    return this.#isAnswered ? 0 : this.#ackWatch.silentMs;
  }

  /** Whether nothing more can come of what is under way: it is behind a message that is held aside in this session. */
  get isStuck(): boolean {
    return this.#isAnswered && this.#line.poison.heldCount > 0;
  }

  /** Whether nothing waits for an answer of the broker. What waits for our own record is not the broker's fault. */
  get #isAnswered(): boolean {
    const { lane } = this.#line;
    // What the lane does not count any more because it starts anew is waited for all the same.
    return lane.unanswered + this.#releases.ambiguous + this.#extras.inFlight + this.#windDown.inFlight === 0;
  }

  set revision(revision: number) {
    this.#revision = revision;
    this.run();
  }

  /** Stops taking messages from the lane; acknowledgements still count. */
  pause(): void {
    this.#paused = true;
  }

  /** The session is over: nothing it still calls back counts. */
  close(end: SessionEnd): void {
    this.#open = false;
    this.#closed?.abort();
    this.#extras.close();
    this.#releases.close();
    this.#windDown.close();
    this.#ackWatch.close();
    this.#rate.close();
    this.#line.poison.sessionEnded(end);
    this.#line.lane.sessionLost(this.#line.exactlyOnce.recordedReceived);
  }

  /**
   * Publishes something that is not a message of the lane, before what the lane has. Resolves when acknowledged; never
   * when the session ends.
   */
  publishExtra(message: MqttMessage, qos: 0 | 1 | 2): Promise<void> {
    const published = this.#extras.publish(message, qos);
    this.run();
    return published;
  }

  /** Asks the broker for a sign of life. */
  probe(): void {
    this.#ackWatch.probe();
  }

  /** Settles what is acknowledged or lost, and sends what may be sent now. */
  run(): void {
    if (!this.#open) return;
    this.#settle();
    this.#release();
    this.#extras.send();
    if (this.#paused || this.#isHeldBack) return;
    const { lane, poison } = this.#line;
    // The birth's acknowledgement does as well.
    if (poison.needsProof && this.#extras.inFlight === 0) this.#ackWatch.probe();
    const { limit } = this.#window;
    while (this.#window.hasPlace(this.#extras.inFlight)) {
      // Before every write: after a pause of the process, callbacks run before timers.
      if (!this.#context.lease().isValid()) return;
      const item = lane.peek(limit, this.#line.recorded);
      if (!item) break;
      if ((item.batch?.headers.settings ?? 0) > this.#revision) return;
      if (poison.isAlert) {
        const admission = poison.admit(item);
        if (admission === 'leave_out') continue;
        if (admission === 'wait') break;
      }
      if (!this.#rate.take()) break;
      this.#send(item);
    }
    if (this.#window.needsRecord) this.#context.requestRecord('now');
  }

  /** Whether it must first be durable, or known, in which session of the broker we are. */
  get #isHeldBack(): boolean {
    const { exactlyOnce } = this.#line;
    if (exactlyOnce.waitsForRecord || exactlyOnce.isWindingDown) return true;
    return this.#settings.qos === 2 && (exactlyOnce.isInDoubt || this.#releases.ambiguous > 0);
  }

  /** QoS 2, or what is left of it: what the broker has received and we have recorded. */
  #release(): void {
    const { lane, exactlyOnce } = this.#line;
    if (this.#settings.qos < 2 && !exactlyOnce.isWindingDown) return;
    this.#releases.run();
    const isReleased = lane.inFlight === 0 && this.#releases.inFlight === 0;
    if (exactlyOnce.isWindingDown && isReleased) this.#windDown.run();
  }

  #released(item: LaneItem, { isOldest, isDelivered }: { isOldest: boolean; isDelivered: boolean }): void {
    this.#progress(2, 'message', isOldest);
    if (isDelivered) this.#delivered(item);
    this.run();
  }

  #extraAnswered(answer: { qos: 0 | 1 | 2 } | 'place'): void {
    if (answer !== 'place') {
      this.#progress(answer.qos, 'other');
      if (answer.qos > 0) this.#otherAnswered();
    }
    this.run();
  }

  #send(item: LaneItem): void {
    const { qos, traceContext, protocolVersion } = this.#settings;
    const { message, batch } = item;
    if (message === undefined || batch === undefined) return;
    batch.sentAt ??= this.#context.clock.now();
    this.#ackWatch.arm();
    const options: PublishOptions = { qos };
    if (traceContext && protocolVersion === 5 && batch.trace) options.userProperties = { ...batch.trace };
    if (qos > 0) options.packetId = packetIdOf(item.counter);
    if (qos === 2) options.dup = this.#line.lane.mayBeHeld(item);
    const fitting = fitToBroker(message, options, this.#session.grant);
    if (!fitting) {
      this.#line.lane.sent(item);
      void this.#setAside(item, 'packet_too_large', PACKET_TOO_LARGE);
      return;
    }
    if (this.#isQosLowered) this.#context.observer.downgraded('qos');
    if (fitting.message !== message) this.#context.observer.downgraded('retain');
    this.#line.lane.sent(item, qos === 2);
    if (this.#line.poison.isAlert) this.#line.poison.sent(item);
    this.#session.publish(fitting.message, fitting.options, (outcome) => {
      if (this.#open) this.#answered(item, outcome);
    });
    if (qos === 0) this.#ackWatch.probeSoon();
  }

  #ponged(): void {
    this.#events.onProof(this.#settings.qos === 0 ? 'message' : 'other');
    this.#otherAnswered();
  }

  /** The broker answers; with nothing else under way, whatever ends the session next was not that. */
  #otherAnswered(): void {
    const { poison, hasOutside } = this.#line;
    if (!poison.isAlert || this.#extras.inFlight > 0) return;
    // A birth that is about to be sent; not one that waits for the lane, which would wait for it.
    if (this.#extras.isNext) return;
    poison.proven(hasOutside);
    this.run();
  }

  #answered(item: LaneItem, outcome: PublishOutcome): void {
    const { poison } = this.#line;
    if (outcome.kind !== 'refused') {
      const isProgress = this.#line.lane.isOldestUnanswered(item);
      if (poison.isAlert) poison.acknowledged(item);
      if (outcome.kind === 'received') this.#line.lane.received(item);
      else {
        this.#line.lane.acknowledged(item, 'delivered');
        this.#delivered(item);
      }
      this.#progress(this.#settings.qos, 'message', isProgress);
      if (outcome.kind === 'received') this.#release();
      if (this.#window.isHalfFree(this.#extras.inFlight)) this.run();
      else this.#settle();
      return;
    }
    const reason = reasonToSetAside(outcome.reasonCode);
    if (reason === undefined) this.#events.onFailure({ kind: 'refused', reasonCode: outcome.reasonCode });
    else {
      if (poison.isAlert) poison.acknowledged(item);
      void this.#setAside(item, reason, outcome.reasonCode);
    }
  }

  #delivered({ batch, counter }: LaneItem): void {
    const { clock, observer } = this.#context;
    this.#line.lastDeliveredAt = clock.now();
    observer.messageDelivered();
    if (batch && counter === batch.last) observer.batchDelivered(batch);
  }

  async #setAside(item: LaneItem, reason: string, reasonCode: number): Promise<void> {
    const { deadLetters, observer, log, clock } = this.#context;
    const { batch, message } = item;
    if (!batch || !message) return;
    // A refusal answers like an acknowledgement does; what is too large was never asked.
    const isProgress = reasonCode !== PACKET_TOO_LARGE && this.#line.lane.isOldestUnanswered(item);
    // That DEADLETTER does not answer is not the broker's fault: its deadline does not run.
    this.#line.lane.refused(item);
    if (isProgress) this.#ackWatch.progressed();
    for (let waitMs = FIRST_STORE_RETRY_MS; this.#open; waitMs = Math.min(2 * waitMs, LAST_STORE_RETRY_MS)) {
      try {
        await deadLetters.put(batch, message, reason);
        break;
      } catch (error) {
        const { gatewayId } = this.#line;
        log.error({ err: error, gatewayId, counter: item.counter }, 'could not set a message aside, trying again');
        this.#closed ??= new AbortController();
        if (this.#open) await delay(waitMs, clock, this.#closed.signal);
      }
    }
    if (!this.#open) return;
    observer.deadLettered(reason);
    log.warn(
      { gatewayId: this.#line.gatewayId, counter: item.counter, reason },
      'the broker refuses a message: set aside',
    );
    this.#line.lane.acknowledged(item, 'aside');
    this.#events.onSetAside(reasonCode);
    this.run();
  }

  /** Acknowledgements count only while the lease is valid; what came meanwhile is applied when it is valid again. */
  #settle(): void {
    if (!this.#context.lease().isValid()) return;
    const { lane, poison } = this.#line;
    if (poison.isAlert) poison.carryOut(() => this.#open && this.#events.onSetAside('poison'));
    if (!lane.advance()) return;
    if (poison.isAlert) poison.settled();
    this.#context.requestRecord(lane.waitsForRecord(this.#line.recorded) ? 'now' : 'soon');
    if (this.#line.mode !== 'live') this.#line.wake();
  }

  /** An answer to what has waited longest is progress; while that has none, answers to what was sent later are not. */
  #progress(qos: 0 | 1 | 2, of: 'message' | 'other', isProgress = true): void {
    if (isProgress) this.#ackWatch.progressed();
    // At QoS 0 leaving the socket proves nothing about the broker: the probe does.
    if (qos > 0) this.#events.onProof(of);
  }
}
