import type { MqttMessage } from '@gatecast/shared/outbox';
import { withinCapabilities } from '../domain/broker-limits.ts';
import { fitToBroker } from '../domain/fit-to-broker.ts';
import type { LaneItem } from '../domain/lane.ts';
import { packetIdOf } from '../domain/packet-ids.ts';
import type { SessionEnd } from '../domain/session-end.ts';
import type { SessionSettings } from '../domain/session-settings.ts';
import { TokenBucket } from '../domain/token-bucket.ts';
import type { PartitionContext } from './context.ts';
import { Extras } from './extras.ts';
import type { GatewayLine } from './gateway-line.ts';
import type { MqttSession, PublishOptions, PublishOutcome } from './ports.ts';
import { Releases } from './releases.ts';
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

/** MQTT 5 reason codes of PUBACK and PUBREC that say that this very message will never be taken, section 3.4.2.1. */
const PERMANENT: ReadonlyMap<number, string> = new Map([
  [135, 'not_authorized'],
  [144, 'topic_name_invalid'],
  [153, 'payload_format_invalid'],
]);

/** What a message too large for the broker's Maximum Packet Size would be refused with, had it been sent. */
const PACKET_TOO_LARGE = 149;

/** This share of what is allowed in a second may go out at once: with the rest of the rate no second has too many. */
const BURST_SHARE = 10;

/** An unproven QoS 0 publish is followed by a PINGREQ after this share of the acknowledgement deadline. */
const PROBE_SHARE = 10;

/**
 * Moves messages from a lane through one session: keeps the window, bounds what is sent beyond the durable record, and
 * watches the acknowledgement deadline. Lives as long as its session.
 */
export class DeliveryPump {
  readonly #session: MqttSession;
  /** As far as the broker can keep them. */
  readonly #settings: SessionSettings;
  readonly #isQosLowered: boolean;
  readonly #rate: TokenBucket | undefined;
  readonly #line: GatewayLine;
  readonly #context: PartitionContext;
  readonly #events: PumpEvents;
  /** Packets that may wait for their acknowledgement. */
  readonly #window: number;
  /** Those of them that may be messages of the lane. */
  readonly #laneWindow: number;
  /** Revision of the integration that the session is good for: later messages wait until it has been looked at. */
  #revision: number;
  readonly #extras: Extras;
  /** QoS 2: highest counter that the resumed session may hold of former connections. */
  readonly #heldBefore: number;
  readonly #releases: Releases;
  readonly #windDown: WindDown;
  #lastProgress = 0;
  #probeSentAt: number | undefined;
  #watchdog: { cancel(): void } | undefined;
  #probe: { cancel(): void } | undefined;
  #rateTimer: { cancel(): void } | undefined;
  #open = true;
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
    const { publishesPerSecond: rate } = settings;
    this.#rate = rate ? rateLimit(rate, context.clock.monotonic()) : undefined;
    this.#revision = revision;
    this.#line = line;
    this.#context = context;
    this.#events = events;
    this.#window = Math.max(1, Math.min(settings.inFlight, session.grant.receiveMaximum));
    this.#heldBefore = session.grant.sessionPresent ? line.lane.highestMayBeHeld : 0;
    this.#laneWindow = this.#settings.qos === 2 ? Math.max(1, this.#window - 1) : this.#window;
    this.#extras = new Extras(session, line.gatewayId, context, {
      hasPlace: (inFlight) => this.#hasPlaceForExtra(inFlight),
      isInRate: () => this.#isInRate(),
      onSend: () => this.#arm(),
      onAnswer: (answer) => this.#extraAnswered(answer),
    });
    this.#releases = new Releases(session, line, context, {
      onSend: () => this.#arm(),
      onAnswer: (item, answer) => this.#released(item, answer),
    });
    this.#windDown = new WindDown(session, line, context, settings.inFlight, {
      onSend: () => this.#arm(),
      onDone: () => this.run(),
    });
    line.poison.sessionStarted(this.#settings.qos);
  }

  /** Whether everything sent is acknowledged. */
  get idle(): boolean {
    return this.#line.lane.inFlight === 0 && this.#extras.idle;
  }

  /** Whether nothing waits for an answer of the broker. What waits for our own record is not the broker's fault. */
  get #isAnswered(): boolean {
    return this.#line.lane.unanswered + this.#extras.inFlight + this.#windDown.inFlight === 0;
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
    this.#extras.close();
    this.#releases.close();
    this.#windDown.close();
    this.#watchdog?.cancel();
    this.#probe?.cancel();
    this.#rateTimer?.cancel();
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

  /**
   * At QoS 2 a resumed session may hold as many messages as there are places for the lane: another one gets the place
   * that is kept for it, or waits. Mosquitto 2 closes the connection when a session holds more than 20.
   */
  #hasPlaceForExtra(extras: number): boolean {
    const { lane, exactlyOnce } = this.#line;
    const { inFlight } = lane;
    if (exactlyOnce.isWindingDown) return false;
    if (this.#settings.qos < 2) return inFlight + extras < this.#session.grant.receiveMaximum;
    if (extras > 0) return false;
    return this.#window > this.#laneWindow || (inFlight === 0 && !this.#mayHoldOthers);
  }

  /** Whether the resumed session may hold messages that we have not sent again yet. */
  get #mayHoldOthers(): boolean {
    return this.#line.lane.settled < this.#heldBefore && this.#line.hasMessages;
  }

  /** Asks the broker for a sign of life: what leaving the socket does not prove, its answer does. */
  probe(): void {
    if (!this.#open || this.#probeSentAt !== undefined || !this.#context.lease().isValid()) return;
    this.#probeSentAt = this.#context.clock.monotonic();
    if (!this.#watchdog) this.#watch(this.#settings.ackTimeoutMs);
    this.#session.ping(() => {
      if (!this.#open) return;
      this.#probeSentAt = undefined;
      this.#events.onProof(this.#settings.qos === 0 ? 'message' : 'other');
      this.#otherAnswered();
    });
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
    if (poison.needsProof && this.#extras.inFlight === 0) this.probe();
    const { limits } = this.#context;
    const limit = this.#limit;
    while (this.#hasPlace) {
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
      if (!this.#isInRate()) break;
      this.#send(item);
    }
    if (lane.settled - this.#line.recorded >= (limits.windowsBeyondRecord * this.#window) / 2) {
      this.#context.requestRecord('now');
    }
  }

  get #hasPlace(): boolean {
    const { inFlight } = this.#line.lane;
    return inFlight < this.#laneWindow && inFlight + this.#extras.inFlight < this.#window;
  }

  /** Whether it must first be durable, or known, in which session of the broker we are. */
  get #isHeldBack(): boolean {
    const { exactlyOnce } = this.#line;
    if (exactlyOnce.waitsForRecord || exactlyOnce.isWindingDown) return true;
    return this.#settings.qos === 2 && (exactlyOnce.isInDoubt || this.#releases.isAmbiguous);
  }

  /** Highest counter that may be sent, given what is durable. */
  get #limit(): number {
    const { recorded, exactlyOnce, poison } = this.#line;
    // What is held aside must not keep the one behind it back.
    const least = poison.heldCount + 1;
    if (this.#settings.qos < 2) {
      return recorded + Math.max(this.#context.limits.windowsBeyondRecord * this.#window, least);
    }
    // A successor has to know which packet ids may be in use.
    return Math.max(recorded, exactlyOnce.recordedReceived) + Math.max(this.#laneWindow, least);
  }

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
    this.#arm();
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
    if (qos === 0) this.#scheduleProbe();
  }

  /** Whether one more publish may go out; if not, comes back when it may. */
  #isInRate(): boolean {
    const { clock } = this.#context;
    if (!this.#rate || this.#rate.take(clock.monotonic())) return true;
    this.#rateTimer?.cancel();
    this.#rateTimer = clock.setTimeout(() => this.run(), this.#rate.waitMs(clock.monotonic()));
    return false;
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
      // Half a window at a time: what goes out together costs one system call, which is most of what a message costs.
      if (this.#line.lane.inFlight + this.#extras.inFlight <= this.#window / 2) this.run();
      else this.#settle();
      return;
    }
    const reason = PERMANENT.get(outcome.reasonCode);
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
    const { deadLetters, observer, log } = this.#context;
    if (!item.batch || !item.message) return;
    try {
      await deadLetters.put(item.batch, item.message, reason);
    } catch (error) {
      log.error(
        { err: error, gatewayId: this.#line.gatewayId },
        'could not set a message aside; it will be sent again',
      );
      if (this.#open) this.#events.onFailure({ kind: 'refused', reasonCode });
      return;
    }
    if (!this.#open) return;
    observer.deadLettered(reason);
    log.warn(
      { gatewayId: this.#line.gatewayId, counter: item.counter, reason },
      'the broker refuses a message: set aside',
    );
    this.#line.lane.acknowledged(item, 'aside');
    this.#lastProgress = this.#context.clock.monotonic();
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
    if (isProgress) this.#lastProgress = this.#context.clock.monotonic();
    // At QoS 0 leaving the socket proves nothing about the broker: the probe does.
    if (qos > 0) this.#events.onProof(of);
  }

  /** The deadline runs from when something first waits for an answer, not from when the last answer came. */
  #arm(): void {
    if (this.#isAnswered) this.#lastProgress = this.#context.clock.monotonic();
    if (!this.#watchdog) this.#watch(this.#settings.ackTimeoutMs);
  }

  #watch(afterMs: number): void {
    this.#watchdog = this.#context.clock.setTimeout(() => {
      this.#watchdog = undefined;
      if (!this.#open || (this.#isAnswered && this.#probeSentAt === undefined)) return;
      const messages = this.#isAnswered ? Number.POSITIVE_INFINITY : this.#lastProgress;
      const since = Math.min(messages, this.#probeSentAt ?? Number.POSITIVE_INFINITY);
      const left = since + this.#settings.ackTimeoutMs - this.#context.clock.monotonic();
      if (left > 0) this.#watch(left);
      else this.#events.onFailure({ kind: 'ack_timeout' });
    }, afterMs);
  }

  #scheduleProbe(): void {
    if (this.#probe || this.#probeSentAt !== undefined) return;
    this.#probe = this.#context.clock.setTimeout(() => {
      this.#probe = undefined;
      this.probe();
    }, this.#settings.ackTimeoutMs / PROBE_SHARE);
  }
}

function rateLimit(perSecond: number, now: number): TokenBucket {
  const burst = Math.max(1, Math.floor(perSecond / BURST_SHARE));
  return new TokenBucket(perSecond - burst, burst, now);
}
