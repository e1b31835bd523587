import type { SuspectRecord } from '@gatecast/shared/model';
import type { SessionEnd } from './session-end.ts';

/** Sessions that end with a message in flight before it is sent alone only. */
const SUSPECT_AFTER = 2;
/** Sessions that end with it alone in flight, for each time that the session ended before it could be sent, and one. */
const ALONE_DEATHS = 3;
/** More such sessions say no more. */
const MAX_UNPROVEN = 3;
/** Of so many messages in a row held aside, and none acknowledged, none is to blame: it is the broker. */
const MAX_HELD = 3;
/**
 * It has been the broker: so many more sessions have to end before messages are accused again, unless it acknowledges one.
 * Otherwise one that is mended while the first messages are held aside would have them taken for poison.
 */
const PATIENCE = 20;

/**
 * Finds the messages of one gateway that its broker ends the session for. Every session that ends in the middle makes
 * all messages in flight a little suspect; a suspect is sent alone, in a session that has just proved by something else
 * (birth, PINGREQ) that the broker answers. One that ends such sessions again and again is held aside, and what follows
 * decides: if that is acknowledged, the one held was poison. If it ends its sessions too, so that three messages in a row
 * are held, it is the broker: all are restored, and nothing was their fault.
 *
 * A broker that resets, hangs or is slow ends the sessions of whatever is sent, and of nothing before long enough:
 * sessions that end before the suspect is sent raise what it takes to hold it.
 *
 * Pure. The caller sends nothing without {@link maySend}, skips what {@link isHeld}, and keeps {@link toRecord} in the
 * gateway's checkpoint.
 */
export class Suspects {
  /** By counter: sessions that ended with it in flight, and of those of a suspect, the ones with nothing else in flight. */
  readonly #accused = new Map<number, { deaths: number; alone: number }>();
  /** A list, since there is one of it for each gateway and it is used for a moment only. */
  #inFlight: number[] = [];
  #held: number[] = [];
  #verdicts: number[] = [];
  /** In this session the broker has acknowledged something. */
  #isProven = false;
  #isConnected = false;
  /** Sessions that ended before a suspect could be sent. */
  #unproven = 0;
  /** A message was acknowledged since something else had to decide: the broker takes messages at all. */
  #takesMessages = false;
  /** Sessions that may still end without accusing a message. */
  #patience = 0;
  #recorded: readonly SuspectRecord[] = [];

  /** @param restored what the checkpoint has: of a process that died in the middle, or ended in order */
  constructor(restored: readonly SuspectRecord[] = []) {
    for (const { n, k, a = 0 } of restored) {
      this.#accused.set(n, { deaths: k + a, alone: Math.max(0, k + a - SUSPECT_AFTER) });
      this.#holdIfConvicted(n);
    }
    this.#recorded = this.toRecord(undefined);
  }

  /** Something is suspect: one message at a time, and none before the session is proven. */
  get isCautious(): boolean {
    if (this.#held.length > 0) return true;
    for (const { deaths } of this.#accused.values()) if (deaths >= SUSPECT_AFTER) return true;
    return false;
  }

  /** Whether there is anything of which {@link sent} and {@link acknowledged} have to be told. */
  get isIdle(): boolean {
    return this.#accused.size === 0 && this.#held.length === 0 && this.#verdicts.length === 0;
  }

  /** How many messages are held aside now. */
  get heldCount(): number {
    return this.#held.length + this.#verdicts.length;
  }

  /** The caller has to ask the broker for a sign of life (birth, PINGREQ) before it may send. */
  get needsProof(): boolean {
    return this.#isConnected && !this.#isProven && this.isCautious;
  }

  /** Held aside for now: to be left out, and not to be settled. */
  isHeld(counter: number): boolean {
    return this.#held.includes(counter) || this.#verdicts.includes(counter);
  }

  /** Whether the next message, which is no held one, may be sent now. */
  maySend(counter: number): boolean {
    if (!this.isCautious) return true;
    if (!this.#isProven || this.#inFlight.length > 0) return false;
    return !this.#isSuspect(counter) || this.#isRecorded(counter);
  }

  /** Whether a suspect may be sent as soon as the record says so. */
  waitsForRecord(counter: number): boolean {
    return this.#isProven && this.#inFlight.length === 0 && this.#isSuspect(counter) && !this.#isRecorded(counter);
  }

  /** Counters of messages that are poison, until {@link setAside} or {@link settledUpTo}. */
  get verdicts(): readonly number[] {
    return this.#verdicts;
  }

  /**
   * What the checkpoint has to hold now. A suspect is sent only once that is {@link recorded}: it may end this process.
   * @param next counter of the next message to be sent, if there is one
   */
  toRecord(next: number | undefined): SuspectRecord[] {
    const records = [...this.#verdicts, ...this.#held].map((n) => ({ n, k: this.#deathsOf(n) }));
    const isNextSuspect = next !== undefined && this.#isSuspect(next);
    const tried = this.#suspectInFlight() ?? (isNextSuspect ? next : this.#firstSuspect());
    if (tried === undefined) return records;
    const isAttempt =
      this.#inFlight.includes(tried) || (tried === next && this.#isProven && this.#inFlight.length === 0);
    return [...records, { n: tried, k: this.#deathsOf(tried), ...(isAttempt ? { a: 1 as const } : {}) }];
  }

  /** The checkpoint holds `records`, durably. */
  recorded(records: readonly SuspectRecord[]): void {
    this.#recorded = records;
  }

  sessionStarted(): void {
    this.#isConnected = true;
    this.#isProven = false;
    this.#inFlight = [];
  }

  /**
   * The broker has acknowledged something that is no message of the line.
   * @param hasNext whether a message that is not held waits to be sent
   */
  proven(hasNext: boolean): void {
    this.#isProven = true;
    if (hasNext || this.#held.length === 0 || !this.#takesMessages) return;
    // Nothing follows that could decide. Not twice: a broker may answer everything but messages.
    this.#takesMessages = false;
    this.#convict();
  }

  sent(counter: number): void {
    this.#inFlight.push(counter);
  }

  acknowledged(counter: number): void {
    this.#landed(counter);
    this.#clear(counter);
    this.#takesMessages = true;
    this.#isProven = true;
    this.#unproven = 0;
    this.#patience = 0;
    this.#convict();
  }

  /** @param inFlight counters of messages that were not acknowledged; default: as it was told */
  sessionEnded(end: SessionEnd, inFlight: readonly number[] = this.#inFlight): void {
    const wasProven = this.#isProven;
    this.#isConnected = false;
    this.#isProven = false;
    this.#inFlight = [];
    if (end !== 'closed' && end !== 'blamed') return;
    if (inFlight.length === 0) {
      if (!wasProven && this.isCautious) this.#unproven = Math.min(MAX_UNPROVEN, this.#unproven + 1);
      return;
    }
    if (this.#patience > 0) {
      this.#patience -= 1;
      return;
    }
    for (const counter of inFlight) this.#died(counter, inFlight.length === 1, end);
  }

  /** A verdict was carried out: the message is in DEADLETTER. Or it is gone for another reason: lost, dropped. */
  setAside(counter: number): void {
    this.#verdicts = this.#verdicts.filter((one) => one !== counter);
    this.#held = this.#held.filter((one) => one !== counter);
    this.#clear(counter);
  }

  /** Everything up to `counter` is settled, one way or another. */
  settledUpTo(counter: number): void {
    for (const one of [...this.#accused.keys(), ...this.#held, ...this.#verdicts]) {
      if (one <= counter) this.setAside(one);
    }
  }

  /** The broker is another one, or is used otherwise: nothing that was found out holds. Verdicts are carried out. */
  forget(): void {
    this.#held = [];
    this.#unproven = 0;
    this.#patience = 0;
    this.#takesMessages = false;
    this.#inFlight = [];
    for (const counter of [...this.#accused.keys()]) if (!this.#verdicts.includes(counter)) this.#clear(counter);
  }

  #died(counter: number, isAlone: boolean, end: SessionEnd): void {
    const { deaths, alone } = this.#accused.get(counter) ?? { deaths: 0, alone: 0 };
    const accused = { deaths: deaths + 1, alone: isAlone && deaths >= SUSPECT_AFTER ? alone + 1 : alone };
    // As good as all attempts: the broker says so itself.
    const convicted = { deaths: SUSPECT_AFTER + ALONE_DEATHS, alone: ALONE_DEATHS * (1 + this.#unproven) };
    this.#accused.set(counter, isAlone && end === 'blamed' ? convicted : accused);
    this.#holdIfConvicted(counter);
  }

  #holdIfConvicted(counter: number): void {
    if ((this.#accused.get(counter)?.alone ?? 0) < ALONE_DEATHS * (1 + this.#unproven)) return;
    this.#unproven = 0;
    this.#held.push(counter);
    if (this.#held.length < MAX_HELD) return;
    this.#held = [];
    this.#accused.clear();
    this.#patience = PATIENCE;
  }

  #convict(): void {
    this.#verdicts.push(...this.#held);
    this.#held = [];
  }

  #clear(counter: number): void {
    this.#accused.delete(counter);
  }

  #landed(counter: number): void {
    const index = this.#inFlight.indexOf(counter);
    if (index >= 0) this.#inFlight.splice(index, 1);
  }

  #deathsOf(counter: number): number {
    return this.#accused.get(counter)?.deaths ?? 0;
  }

  #isSuspect(counter: number): boolean {
    return this.#deathsOf(counter) >= SUSPECT_AFTER;
  }

  #isRecorded(counter: number): boolean {
    const deaths = this.#deathsOf(counter);
    return this.#recorded.some(({ n, k, a }) => n === counter && k === deaths && a === 1);
  }

  #suspectInFlight(): number | undefined {
    for (const counter of this.#inFlight) if (this.#isSuspect(counter)) return counter;
    return undefined;
  }

  #firstSuspect(): number | undefined {
    let first: number | undefined;
    for (const [counter, { deaths }] of this.#accused) {
      if (deaths < SUSPECT_AFTER || this.isHeld(counter)) continue;
      if (first === undefined || counter < first) first = counter;
    }
    return first;
  }
}
