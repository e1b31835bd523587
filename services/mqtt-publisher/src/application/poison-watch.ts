import { delay } from '@gatecast/shared/lifecycle';
import type { GatewayCheckpoint } from '@gatecast/shared/model';
import type { Lane } from '../domain/lane.ts';
import type { LaneItem } from '../domain/lane-item.ts';
import type { SessionEnd } from '../domain/session-end.ts';
import { Suspects } from '../domain/suspects.ts';
import type { PartitionContext } from './context.ts';

const RETRY_MS = 200;

/**
 * Sessions in a row that may end without an acknowledged message and be followed by a short back-off, so that a verdict
 * takes seconds, whether on a message (three sessions) or on the broker (three times five, if the window is 1).
 */
const MAX_QUICK_TRIALS = 15;

/** What becomes of the next message of the lane. */
export type Admission = 'send' | 'leave_out' | 'wait';

/**
 * Finds the message that a gateway's broker ends the session for, again and again, and sets it aside. Outlives sessions;
 * what must outlive the process is in the gateway's checkpoint. See {@link Suspects} for how it is found.
 */
export class PoisonWatch {
  /** Whether it has to be told of every message. False while nothing is suspect: then a message costs nothing here. */
  isAlert = true;
  readonly #gatewayId: string;
  readonly #lane: Lane;
  readonly #context: PartitionContext;
  readonly #stopped: AbortSignal;
  /** Called when the lane may go on. */
  readonly #onChange: () => void;
  readonly #suspects: Suspects;
  /** Counters that are being stored in DEADLETTER. */
  #storing: number[] = [];
  #qos: 0 | 1 | 2 = 1;
  #hasAcknowledged = false;
  /** Sessions in a row that ended without an acknowledged message. */
  #fruitless = 0;

  constructor(
    gatewayId: string,
    lane: Lane,
    checkpoint: GatewayCheckpoint,
    context: PartitionContext,
    stopped: AbortSignal,
    onChange: () => void,
  ) {
    this.#gatewayId = gatewayId;
    this.#lane = lane;
    this.#context = context;
    this.#stopped = stopped;
    this.#onChange = onChange;
    this.#suspects = new Suspects(checkpoint.p);
  }

  /** Whether anything is suspect: the broker has to prove itself by taking a message. */
  get isCautious(): boolean {
    return this.isAlert && this.#suspects.isCautious;
  }

  /** Whether the next attempt is one of the few that a verdict needs, and should not wait for long. */
  get isTrying(): boolean {
    return this.isCautious && this.#fruitless <= MAX_QUICK_TRIALS;
  }

  /** Whether the broker has to be asked for a sign of life before anything may be sent. */
  get needsProof(): boolean {
    return this.isAlert && this.#suspects.needsProof;
  }

  /** How many messages are held aside: nothing behind the first of them is settled. */
  get heldCount(): number {
    return this.isAlert ? this.#suspects.heldCount : 0;
  }

  /** Whether there is anything that the record must hold. */
  get isNoteworthy(): boolean {
    return this.isAlert && !this.#suspects.isIdle;
  }

  /** @param qos that messages are published with. At 0 no answer says whether a message was taken: nothing is suspect. */
  sessionStarted(qos: 0 | 1 | 2): void {
    this.#qos = qos;
    this.#hasAcknowledged = false;
    if (qos === 0) this.#suspects.forget();
    this.#suspects.sessionStarted();
    // Until the first acknowledgement: that the broker takes messages at all is to be known.
    this.isAlert = true;
  }

  /** To be called before the lane is told. */
  sessionEnded(end: SessionEnd): void {
    this.#suspects.sessionEnded(this.#qos === 0 ? 'ours' : end, this.#lane.unacknowledged);
    this.isAlert = true;
    if (!this.isCautious) this.#fruitless = 0;
    else if (!this.#hasAcknowledged) this.#fruitless += 1;
    if (this.isNoteworthy) this.#context.requestRecord('soon');
  }

  /** A session that ended before anything could be sent. */
  sessionEndedEarly(end: SessionEnd): void {
    this.#suspects.sessionStarted();
    this.#suspects.sessionEnded(end, []);
    if (this.isCautious) this.#fruitless += 1;
  }

  /** While alert, of what `peek` returned: before it is sent. Asks for the record that it may have to wait for. */
  admit(item: LaneItem): Admission {
    if (this.#suspects.isHeld(item.counter)) {
      this.#lane.hold(item);
      return 'leave_out';
    }
    if (this.#suspects.maySend(item.counter)) return 'send';
    if (this.#suspects.waitsForRecord(item.counter)) this.#context.requestRecord('now');
    return 'wait';
  }

  /** While alert. */
  sent(item: LaneItem): void {
    this.#suspects.sent(item.counter);
  }

  /** While alert: the broker has answered a PUBLISH. */
  acknowledged(item: LaneItem): void {
    this.#hasAcknowledged = true;
    this.#fruitless = 0;
    this.#suspects.acknowledged(item.counter);
    this.#calmDown();
  }

  /**
   * While alert: the broker has answered something that is no message of the lane.
   * @param hasMore whether messages wait outside the lane
   */
  proven(hasMore: boolean): void {
    this.#suspects.proven(hasMore || this.#next !== undefined);
  }

  /** While alert: the lane has moved. */
  settled(): void {
    this.#suspects.settledUpTo(this.#lane.settled);
    this.#calmDown();
  }

  /** The session is for another broker, or other settings of this one. */
  forget(): void {
    this.#suspects.forget();
    this.#fruitless = 0;
  }

  /**
   * While alert: stores in DEADLETTER what is found to be poison. A verdict is kept until its message is settled: after a
   * crash it is found, and stored, again; that is the same dead letter.
   * @param onSetAside called for each message once it is stored
   */
  carryOut(onSetAside: () => void): void {
    for (const counter of this.#suspects.verdicts) {
      const item = this.#lane.find(counter);
      if (item && !this.#storing.includes(counter)) void this.#store(item, onSetAside);
    }
  }

  /** Its part of the durable record. */
  checkpoint(): Pick<GatewayCheckpoint, 'p'> {
    if (!this.isNoteworthy) return {};
    const records = this.#suspects.toRecord(this.#next);
    return records.length > 0 ? { p: records } : {};
  }

  recorded({ p = [] }: GatewayCheckpoint): void {
    this.#suspects.recorded(p);
  }

  /** Counter of the next message to be sent. */
  get #next(): number | undefined {
    return this.#lane.firstUnsent((counter) => this.#suspects.isHeld(counter))?.counter;
  }

  #calmDown(): void {
    this.isAlert = !this.#suspects.isIdle;
  }

  async #store(item: LaneItem, onSetAside: () => void): Promise<void> {
    const { deadLetters, observer, log, clock, lease } = this.#context;
    const { batch, message, counter } = item;
    if (!batch || !message || !lease().isValid()) return;
    this.#storing.push(counter);
    try {
      await deadLetters.put(batch, message, 'poison');
      if (this.#stopped.aborted || !this.#lane.setAside(item)) return;
      observer.deadLettered('poison');
      log.warn(
        { gatewayId: this.#gatewayId, counter },
        'the broker ends the session at a message, again and again: set aside',
      );
      onSetAside();
    } catch (error) {
      log.error({ err: error, gatewayId: this.#gatewayId, counter }, 'could not set a message aside');
      await delay(RETRY_MS, clock, this.#stopped);
    } finally {
      this.#storing = this.#storing.filter((one) => one !== counter);
    }
    if (!this.#stopped.aborted) this.#onChange();
  }
}
