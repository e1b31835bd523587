import type { LaneItem } from '../domain/lane-item.ts';
import { packetIdOf } from '../domain/packet-ids.ts';
import type { PartitionContext } from './context.ts';
import type { GatewayLine } from './gateway-line.ts';
import type { MqttSession } from './ports.ts';

export interface ReleasesHooks {
  /** Something is about to be sent that the broker has to answer. */
  onSend(): void;
  /** The broker has answered. `isOldest`: nothing waits for longer. `isDelivered`: for the first time. */
  onAnswer(item: LaneItem, answer: { isOldest: boolean; isDelivered: boolean }): void;
}

/** The second half of QoS 2: releases (PUBREL), in order, what the durable record says the broker has received. */
export class Releases {
  readonly #session: MqttSession;
  readonly #line: GatewayLine;
  readonly #context: PartitionContext;
  readonly #hooks: ReleasesHooks;
  #inFlight = 0;
  /** The broker turned out not to have what our record said it has: everything is sent again. */
  #startsAnew = false;
  #isOpen = true;

  constructor(session: MqttSession, line: GatewayLine, context: PartitionContext, hooks: ReleasesHooks) {
    this.#session = session;
    this.#line = line;
    this.#context = context;
    this.#hooks = hooks;
  }

  /** PUBRELs that wait for their PUBCOMP. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** PUBRELs whose answer could still be taken for that to a PUBLISH with the same packet id. */
  get ambiguous(): number {
    return this.#startsAnew ? this.#inFlight : 0;
  }

  /** Releases what may be released now. */
  run(): void {
    const { lane, exactlyOnce, recorded } = this.#line;
    if (lane.receivedUpTo > Math.max(recorded, exactlyOnce.recordedReceived)) this.#context.requestRecord('now');
    while (!exactlyOnce.waitsForRecord && this.#context.lease().isValid()) {
      const item = lane.peekRelease(exactlyOnce.recordedReceived);
      if (!item) return;
      this.#hooks.onSend();
      lane.released(item);
      this.#inFlight += 1;
      this.#session.release(packetIdOf(item.counter), (found) => {
        if (this.#isOpen) this.#completed(item, found);
      });
    }
  }

  /** The session is over: nothing it still calls back counts. */
  close(): void {
    this.#isOpen = false;
  }

  #completed(item: LaneItem, found: boolean): void {
    const { lane, exactlyOnce } = this.#line;
    // While answers are ambiguous nothing else is sent.
    const isOldest = this.#startsAnew || lane.isOldestUnanswered(item);
    let isDelivered = false;
    this.#inFlight -= 1;
    if (item.lost || exactlyOnce.completed(found)) {
      isDelivered = item.state === 'released' && !item.lost;
      lane.acknowledged(item, 'delivered');
    } else {
      this.#startsAnew = true;
      this.#line.wake();
    }
    this.#hooks.onAnswer(item, { isOldest, isDelivered });
  }
}
