import type { MqttMessage } from '@gatecast/shared/outbox';
import { fitToBroker } from '../domain/fit-to-broker.ts';
import { EXTRA_IDS, FIRST_EXTRA_ID } from '../domain/packet-ids.ts';
import { PACKET_TOO_LARGE } from '../domain/refusal.ts';
import type { PartitionContext } from './context.ts';
import type { MqttSession } from './ports.ts';

interface Extra {
  message: MqttMessage;
  qos: 0 | 1 | 2;
  done: () => void;
}

export interface ExtrasHooks {
  /** Whether session and broker leave place for one more, with so many of them in flight. */
  hasPlace(inFlight: number): boolean;
  /** Whether the rate allows one more publish now; if not, `send` is called again when it does. */
  isInRate(): boolean;
  /** Something is about to be sent that the broker has to answer. */
  onSend(): void;
  /** The broker has answered an extra, or made place for one: `send` is to be called. */
  onAnswer(answer: { qos: 0 | 1 | 2 } | 'place'): void;
}

/** Publishes of a session beside its lane: birth and will. One after another, in order, before what the lane has. */
export class Extras {
  readonly #session: MqttSession;
  readonly #gatewayId: string;
  readonly #context: PartitionContext;
  readonly #hooks: ExtrasHooks;
  readonly #waiting: Extra[] = [];
  #sent = 0;
  /** A predecessor may have left some half sent: the broker would swallow ours with the same packet ids. */
  #ids: 'free' | 'perhaps_held' | 'being_released';
  #isOpen = true;

  constructor(session: MqttSession, gatewayId: string, context: PartitionContext, hooks: ExtrasHooks) {
    this.#session = session;
    this.#gatewayId = gatewayId;
    this.#context = context;
    this.#hooks = hooks;
    this.#ids = session.grant.sessionPresent ? 'perhaps_held' : 'free';
  }

  /** How many wait for an answer of the broker. */
  get inFlight(): number {
    return this.#sent + (this.#ids === 'being_released' ? 1 : 0);
  }

  /** Whether one will be sent as soon as `send` is called. */
  get isNext(): boolean {
    return this.#waiting.length > 0 && this.#hooks.hasPlace(this.inFlight);
  }

  get idle(): boolean {
    return this.inFlight === 0 && this.#waiting.length === 0;
  }

  /** Resolves when it is acknowledged or refused; never when the session ends. */
  publish(message: MqttMessage, qos: 0 | 1 | 2): Promise<void> {
    const { maximumQos } = this.#session.grant;
    return new Promise((done) => {
      this.#waiting.push({ message, qos: qos > maximumQos ? maximumQos : qos, done });
    });
  }

  /** Sends what may be sent now. */
  send(): void {
    const lease = this.#context.lease();
    while (this.isNext && lease.isValid()) {
      if (this.#waiting[0]?.qos === 2 && this.#ids !== 'free') {
        this.#releaseIds();
        return;
      }
      if (!this.#hooks.isInRate()) return;
      const next = this.#waiting.shift();
      if (next) this.#send(next);
    }
  }

  /** The session is over: nothing it still calls back counts. */
  close(): void {
    this.#isOpen = false;
  }

  #send({ message, qos, done }: Extra): void {
    const fitting = fitToBroker(message, { qos }, this.#session.grant);
    if (!fitting) {
      this.#refused(PACKET_TOO_LARGE);
      done();
      return;
    }
    this.#hooks.onSend();
    this.#sent += 1;
    this.#session.publish(fitting.message, fitting.options, (outcome) => {
      if (!this.#isOpen) return;
      if (outcome.kind === 'refused') this.#refused(outcome.reasonCode);
      this.#sent -= 1;
      done();
      this.#hooks.onAnswer({ qos });
    });
  }

  #releaseIds(): void {
    if (this.#ids !== 'perhaps_held') return;
    this.#hooks.onSend();
    this.#ids = 'being_released';
    let left = EXTRA_IDS;
    for (let id = FIRST_EXTRA_ID; id < FIRST_EXTRA_ID + EXTRA_IDS; id += 1) {
      this.#session.release(id, () => {
        left -= 1;
        if (!this.#isOpen || left > 0) return;
        this.#ids = 'free';
        // Not sent at once: by now the lease may be gone.
        this.#hooks.onAnswer('place');
      });
    }
  }

  #refused(reasonCode: number): void {
    const { log } = this.#context;
    log.warn({ gatewayId: this.#gatewayId, reasonCode }, 'the broker refuses the birth or the will');
  }
}
