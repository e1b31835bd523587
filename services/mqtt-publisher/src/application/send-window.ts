import type { SessionSettings } from '../domain/session-settings.ts';
import type { DeliveryLimits } from './context.ts';
import type { GatewayLine } from './gateway-line.ts';
import type { SessionGrant } from './ports.ts';

/** How much one session may have in flight, and how far beyond the durable record. */
export class SendWindow {
  readonly #line: GatewayLine;
  readonly #qos: 0 | 1 | 2;
  readonly #receiveMaximum: number;
  readonly #windowsBeyondRecord: number;
  /** Packets that may wait for their acknowledgement. */
  readonly #size: number;
  /** Those of them that may be messages of the lane: at QoS 2 one place is kept for births and wills. */
  readonly #laneSize: number;
  /** QoS 2: highest counter that the resumed session may hold of former connections. */
  readonly #heldBefore: number;

  /** @param settings as far as the broker can keep them */
  constructor(
    { qos, inFlight }: Pick<SessionSettings, 'qos' | 'inFlight'>,
    { receiveMaximum, sessionPresent }: Pick<SessionGrant, 'receiveMaximum' | 'sessionPresent'>,
    line: GatewayLine,
    { windowsBeyondRecord }: DeliveryLimits,
  ) {
    this.#line = line;
    this.#qos = qos;
    this.#receiveMaximum = receiveMaximum;
    this.#windowsBeyondRecord = windowsBeyondRecord;
    this.#size = Math.max(1, Math.min(inFlight, receiveMaximum));
    this.#laneSize = qos === 2 ? Math.max(1, this.#size - 1) : this.#size;
    this.#heldBefore = sessionPresent ? line.lane.highestMayBeHeld : 0;
  }

  /** Whether one more message of the lane may go out. */
  hasPlace(extras: number): boolean {
    const { inFlight } = this.#line.lane;
    return inFlight < this.#laneSize && inFlight + extras < this.#size;
  }

  /**
   * Whether one more publish beside the lane may. At QoS 2 a resumed session may hold as many messages as there are places
   * for the lane: another one gets the place that is kept for it, or waits. Mosquitto 2 closes the connection when a
   * session holds more than 20.
   */
  hasPlaceForExtra(extras: number): boolean {
    const { lane, exactlyOnce } = this.#line;
    if (exactlyOnce.isWindingDown) return false;
    if (this.#qos < 2) return lane.inFlight + extras < this.#receiveMaximum;
    if (extras > 0) return false;
    return this.#size > this.#laneSize || (lane.inFlight === 0 && !this.#mayHoldOthers);
  }

  /**
   * Whether the window is free enough to fill it again: what goes out together costs one system call, which is most of
   * what a message costs.
   */
  isHalfFree(extras: number): boolean {
    return this.#line.lane.inFlight + extras <= this.#size / 2;
  }

  /** Highest counter that may be sent, given what is durable. */
  get limit(): number {
    const { recorded, exactlyOnce, poison } = this.#line;
    // What is held aside must not keep the one behind it back.
    const least = poison.heldCount + 1;
    if (this.#qos < 2) return recorded + Math.max(this.#windowsBeyondRecord * this.#size, least);
    // A successor has to know which packet ids may be in use.
    return Math.max(recorded, exactlyOnce.recordedReceived) + Math.max(this.#laneSize, least);
  }

  /** Whether so much is settled beyond the record that sending will soon have to wait for it. */
  get needsRecord(): boolean {
    return this.#line.lane.settled - this.#line.recorded >= (this.#windowsBeyondRecord * this.#size) / 2;
  }

  /** Whether the resumed session may hold messages that we have not sent again yet. */
  get #mayHoldOthers(): boolean {
    return this.#line.lane.settled < this.#heldBefore && this.#line.hasMessages;
  }
}
