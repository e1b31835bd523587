import { EXTRA_IDS, FIRST_EXTRA_ID, packetIdOf } from '../domain/packet-ids.ts';
import type { PartitionContext } from './context.ts';
import type { GatewayLine } from './gateway-line.ts';
import type { MqttSession } from './ports.ts';

export interface WindDownHooks {
  /** Something is about to be sent that the broker has to answer. */
  onSend(): void;
  /** The broker has nothing of the session any more. */
  onDone(): void;
}

/**
 * The end of QoS 2 in a session that was resumed and whose broker takes less now. What the record says it received is
 * released as ever. Then every other packet id that it may hold is: a message with it would otherwise be refused, or
 * swallowed. What it turns out to have held is delivered by that, and sent once more all the same, since not every
 * broker says truly what it had (mosquitto 2 finds everything): counted as downgraded.
 */
export class WindDown {
  readonly #session: MqttSession;
  readonly #line: GatewayLine;
  readonly #context: PartitionContext;
  /** Messages that a session can hold. */
  readonly #window: number;
  readonly #hooks: WindDownHooks;
  /** PUBRELs that wait for their PUBCOMP … */
  #inFlight = 0;
  /** … and those of them that may release a message. */
  #messagesInFlight = 0;
  #isOpen = true;

  /** @param window messages that the session can hold at most */
  constructor(
    session: MqttSession,
    line: GatewayLine,
    context: PartitionContext,
    window: number,
    hooks: WindDownHooks,
  ) {
    this.#session = session;
    this.#line = line;
    this.#context = context;
    this.#window = window;
    this.#hooks = hooks;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** To be called when everything recorded is released. */
  run(): void {
    const { lane, exactlyOnce } = this.#line;
    if (this.#inFlight > 0 || exactlyOnce.waitsForRecord || !this.#context.lease().isValid()) return;
    const last = lane.highestMayBeHeld;
    this.#hooks.onSend();
    this.#messagesInFlight = Math.max(0, last - lane.settled);
    this.#inFlight = EXTRA_IDS + this.#messagesInFlight;
    for (let index = 0; index < EXTRA_IDS; index += 1) {
      this.#session.release(FIRST_EXTRA_ID + index, () => this.#released());
    }
    for (let counter = lane.settled + 1; counter <= last; counter += 1) {
      this.#session.release(packetIdOf(counter), (found) => this.#messageReleased(found));
    }
  }

  /** The session is over: nothing it still calls back counts. What was not answered may be delivered, and is not found again. */
  close(): void {
    if (this.#isOpen) this.#line.exactlyOnce.mayHaveHeld(this.#messagesInFlight, this.#window);
    this.#isOpen = false;
  }

  #messageReleased(isHeld: boolean): void {
    if (!this.#isOpen) return;
    this.#messagesInFlight -= 1;
    if (isHeld) this.#line.exactlyOnce.mayHaveHeld(1, this.#window);
    this.#released();
  }

  #released(): void {
    if (!this.#isOpen) return;
    this.#inFlight -= 1;
    if (this.#inFlight > 0) return;
    this.#line.exactlyOnce.woundDown();
    this.#hooks.onDone();
  }
}
