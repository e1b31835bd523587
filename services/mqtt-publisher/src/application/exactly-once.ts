import { createHash } from 'node:crypto';
import type { GatewayCheckpoint } from '@gatecast/shared/model';
import type { Failure } from '../domain/failure.ts';
import type { Lane } from '../domain/lane.ts';
import type { SessionSettings } from '../domain/session-settings.ts';
import type { PartitionContext } from './context.ts';
import { Notifier } from './notifier.ts';
import type { SessionGrant } from './ports.ts';

/** Largest in-flight window that the settings allow: so far beyond its record a predecessor may have sent. */
const LARGEST_WINDOW = 1_000;

/** A broker that ends so many sessions in a row while QoS 2 is wound down takes no PUBREL: it has to forget the session. */
const MAX_WIND_DOWNS = 3;

/** Highest counter whose packet id the session that a record names may hold. */
export function mayBeHeld({ s, r = s, b, o }: GatewayCheckpoint): number {
  return b === undefined || o === 1 ? 0 : r + LARGEST_WINDOW;
}

/**
 * What one gateway's record has to say, beyond its counters, for each message to be delivered exactly once at QoS 2: up
 * to where the broker has received messages, in which session, and whether that session can be trusted to be the same.
 */
export class ExactlyOnce {
  readonly #gatewayId: string;
  readonly #lane: Lane;
  readonly #context: PartitionContext;
  readonly #onRecorded = new Notifier();
  /** Whose session the counters belong to; undefined: none that could be resumed. */
  #identity: string | undefined;
  /** Whether that session may have messages that are not released yet: not if the broker takes a lower QoS only. */
  #mayHold: boolean;
  /** It may, and the broker takes a lower QoS now. */
  #isWindingDown = false;
  /** Sessions in a row that did. */
  #windDowns = 0;
  /** Messages that they have released, or may have, and that are going to be sent again. */
  #heldInWindDowns = 0;
  /** What the durable record holds. */
  #recordedReceived: number;
  /** What it may hold: records are built before, and a write may take effect without our knowing. */
  #builtReceived: number;
  #downgraded: number;
  #unproven: number;
  /** The record is to say that a CONNECT may be on its way. */
  #isMarked: boolean;
  /** One was, and its CONNACK has not been seen: a session that we find may be a new one. */
  #isUnanswered: boolean;
  /** Up to here messages were recorded as received by a session of which that is not certain. */
  #doubtfulUpTo = 0;
  /** Nobody comes after us: no record has to be waited for. */
  #isLast = false;
  /** Counts what was decided that must be durable before the session goes on; each record says which decision it has. */
  #decisions: number;
  /** The latest of them that the durable record has. */
  #recordedDecisions: number;

  constructor(gatewayId: string, lane: Lane, checkpoint: GatewayCheckpoint, context: PartitionContext) {
    this.#gatewayId = gatewayId;
    this.#lane = lane;
    this.#context = context;
    this.#identity = checkpoint.b;
    this.#mayHold = checkpoint.b !== undefined && checkpoint.o === undefined;
    this.#recordedReceived = checkpoint.r ?? checkpoint.s;
    this.#builtReceived = this.#recordedReceived;
    this.#downgraded = checkpoint.d ?? 0;
    this.#unproven = checkpoint.e ?? 0;
    this.#isMarked = checkpoint.u === 1;
    this.#isUnanswered = this.#isMarked;
    // Our numbers follow those of the predecessor: its record, written on before we have one, says nothing of ours.
    this.#decisions = checkpoint.v ?? 0;
    this.#recordedDecisions = this.#decisions;
  }

  /** Highest counter that is durably received: what may be released. */
  get recordedReceived(): number {
    const { receivedUpTo } = this.#lane;
    return this.#isLast ? receivedUpTo : Math.min(this.#recordedReceived, receivedUpTo);
  }

  /** Whether a decision has to be durable before anything is sent or released. */
  get waitsForRecord(): boolean {
    return this.#recordedDecisions < this.#decisions && !this.#isLast;
  }

  /** Whether it is still open if the session is the one that has received what the record says. */
  get isInDoubt(): boolean {
    return this.#doubtfulUpTo > this.#lane.settled;
  }

  /** Whether the broker takes no QoS 2 any more, and what it has of it is still to be released. */
  get isWindingDown(): boolean {
    return this.#isWindingDown;
  }

  /** Whether there is anything that the record must hold. */
  get isNoteworthy(): boolean {
    return this.#identity !== undefined || this.#downgraded + this.#unproven > 0 || this.#lane.receivedUpTo > 0;
  }

  /** The registration is gone, and so is its record: what the broker has received is to be released all the same. */
  retire(): void {
    this.#isLast = true;
  }

  /** Its part of the durable record. */
  checkpoint(): Pick<GatewayCheckpoint, 'r' | 'b' | 'o' | 'u' | 'd' | 'e' | 'v'> {
    const { settled, receivedUpTo } = this.#lane;
    return {
      ...(this.#mayHold && receivedUpTo > settled ? { r: receivedUpTo } : {}),
      ...(this.#identity === undefined ? {} : { b: this.#identity }),
      ...(this.#identity === undefined || this.#mayHold ? {} : { o: 1 as const }),
      ...(this.#mayHold && (this.#isMarked || this.#isUnanswered || this.isInDoubt) ? { u: 1 as const } : {}),
      ...(this.#downgraded > 0 ? { d: this.#downgraded } : {}),
      ...(this.#unproven > 0 ? { e: this.#unproven } : {}),
      ...(this.waitsForRecord ? { v: this.#decisions } : {}),
    };
  }

  /** A record was built and will be written. */
  built({ s, r = s }: GatewayCheckpoint): void {
    this.#builtReceived = Math.max(this.#builtReceived, r);
  }

  /** A record that was built is durable. */
  recorded({ s, r = s, v = 0 }: GatewayCheckpoint): void {
    this.#recordedReceived = r;
    if (v <= this.#recordedDecisions) return;
    this.#recordedDecisions = v;
    this.#onRecorded.notify();
  }

  /**
   * Before an attempt to connect. Returns whether the broker must forget what it may have of this client id. The record
   * says first that a CONNECT is on its way: if we do not live to see its answer, our successor knows that the session
   * it finds may be younger than the record.
   */
  async prepare(settings: SessionSettings, signal: AbortSignal): Promise<{ cleanStart: boolean }> {
    // Taken whatever is tried now: an answer to that does not say what became of the CONNECT before.
    if (this.#isUnanswered && this.#mayHold) this.#doubtfulUpTo = this.#lane.receivedUpTo;
    const isOther = this.#identity !== identityOf(settings);
    // Nothing is released in the session that we have, or in one that replaces it.
    if (!this.#mayHold || !this.#mayReplace(settings)) return { cleanStart: isOther };
    if (Math.max(this.#lane.receivedUpTo, this.#builtReceived) > this.#lane.settled) {
      this.#isMarked = true;
      this.#requireRecord();
      await this.#whenRecorded(signal);
    }
    return { cleanStart: isOther || this.#windDowns >= MAX_WIND_DOWNS };
  }

  /** CONNECT is about to be written. */
  connecting(settings: SessionSettings): void {
    if (this.#mayReplace(settings)) this.#isUnanswered = true;
  }

  /** The attempt has come to nothing. */
  failed(settings: SessionSettings, failure: Failure): void {
    if (!this.#mayReplace(settings)) return;
    // Whoever is refused gets no session, nor does who was not heard.
    if (failure.phase === 'connack' && failure.kind === 'refused') this.#isUnanswered = false;
    if (this.#isUnanswered || !this.#isMarked) return;
    this.#isMarked = false;
    this.#context.requestRecord('soon');
  }

  /** CONNACK has come. */
  opened(settings: SessionSettings, grant: Pick<SessionGrant, 'sessionPresent' | 'maximumQos'>): void {
    const identity = identityOf(settings);
    const mayHold = identity !== undefined && grant.maximumQos === 2;
    const isResumed = grant.sessionPresent && identity !== undefined && identity === this.#identity;
    const wasMarked = this.#isMarked;
    this.#isMarked = false;
    this.#isUnanswered = false;
    this.#isWindingDown = isResumed && this.#mayHold && !mayHold;
    this.#windDowns = this.#isWindingDown ? this.#windDowns + 1 : 0;
    if (isResumed && this.#mayHold) {
      // Released under a record with the mark, a message would be sent again by a successor.
      if (wasMarked && !this.isInDoubt) this.#requireRecord();
      if (!this.#isWindingDown && this.#heldInWindDowns > 0) {
        this.#sentAgain(this.#heldInWindDowns, 'the broker takes QoS 2 again: messages may arrive twice');
        this.#heldInWindDowns = 0;
        this.#requireRecord();
      }
      if (this.isInDoubt) this.#log('an answer to CONNECT was missed: what is released now may be lost');
      return;
    }
    const isOther = identity !== this.#identity || mayHold !== this.#mayHold;
    this.#identity = identity;
    this.#mayHold = mayHold;
    if (!isResumed) this.#startAnew();
    if (!isOther) return;
    // A successor that does not know of this session has the broker forget it, which may have passed messages on already.
    if (identity !== undefined) this.#requireRecord();
    else this.#context.requestRecord('soon');
  }

  /**
   * The broker has answered PUBREL of a message that the record says it received. While in doubt, only a broker that says
   * that it does not know the message proves anything; whoever says that it does may just not look (MQTT 3.1.1, and
   * mosquitto 2 with MQTT 5).
   * @returns whether that is all; false: it has to be sent again
   */
  completed(isFound: boolean): boolean {
    if (!this.isInDoubt) return true;
    if (!isFound) {
      this.#startAnew();
      return false;
    }
    this.#unproven += 1;
    this.#context.observer.unproven(1);
    return true;
  }

  /**
   * The broker had so many messages more in a session that is being wound down, or may have had. They are remembered
   * until that is done, also through other sessions.
   * @param window messages that it can hold at most
   */
  mayHaveHeld(messages: number, window: number): void {
    this.#heldInWindDowns = Math.min(window, this.#heldInWindDowns + messages);
  }

  /** The broker has nothing left of the session. What it had is going to be sent again. */
  woundDown(): void {
    this.#isWindingDown = false;
    this.#mayHold = false;
    this.#lane.startAnew();
    const uncertain = this.#heldInWindDowns;
    this.#heldInWindDowns = 0;
    if (uncertain > 0) this.#sentAgain(uncertain, 'the broker takes no QoS 2 any more: messages may arrive twice');
    // Or a successor would release what is sent with the same packet ids from now on.
    this.#requireRecord();
  }

  /** Whether a CONNECT with these settings is about the session that we have, be it at another QoS. */
  #mayReplace(settings: SessionSettings): boolean {
    return this.#identity !== undefined && this.#identity === identityOf({ ...settings, qos: 2 });
  }

  #startAnew(): void {
    const isStale = Math.max(this.#lane.receivedUpTo, this.#builtReceived) > this.#lane.settled;
    this.#doubtfulUpTo = 0;
    // Of what a predecessor sent the lane does not know. Either number is of the first messages that are not settled.
    const uncertain = Math.max(this.#lane.startAnew(), this.#heldInWindDowns);
    this.#heldInWindDowns = 0;
    if (uncertain > 0) this.#sentAgain(uncertain, 'the broker has lost its session: messages may arrive twice');
    // Before they are sent again, or a successor would release what the broker has not received yet.
    if (isStale || uncertain > 0) this.#requireRecord();
  }

  #sentAgain(messages: number, why: string): void {
    this.#downgraded += messages;
    this.#context.observer.uncertain(messages);
    this.#log(why, messages);
  }

  #log(what: string, messages = this.#lane.receivedUpTo - this.#lane.settled): void {
    this.#context.log.warn({ gatewayId: this.#gatewayId, messages }, what);
  }

  #requireRecord(): void {
    this.#decisions += 1;
    this.#context.requestRecord('now');
  }

  async #whenRecorded(signal: AbortSignal): Promise<void> {
    const onAbort = () => this.#onRecorded.notify();
    signal.addEventListener('abort', onAbort, { once: true });
    while (this.#recordedDecisions < this.#decisions && !signal.aborted) await this.#onRecorded.wait();
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Names the session at the broker that packet ids belong to; undefined when there is none that lasts. Short: a record
 * holds one for each gateway.
 */
export function identityOf({ qos, host, port, clientId }: SessionSettings): string | undefined {
  if (qos < 2) return undefined;
  return createHash('sha256')
    .update(JSON.stringify([host, port, clientId]))
    .digest('base64url')
    .slice(0, 8);
}
