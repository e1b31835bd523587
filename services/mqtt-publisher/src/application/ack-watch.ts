import type { PartitionContext } from './context.ts';
import type { MqttSession } from './ports.ts';

/** An unproven QoS 0 publish is followed by a PINGREQ after this share of the acknowledgement deadline. */
const PROBE_SHARE = 10;

export interface AckWatchHooks {
  /** Whether nothing but a PINGREQ waits for an answer of the broker. */
  isAnswered(): boolean;
  /** PINGRESP has come. */
  onPong(): void;
  /** The deadline has passed: the broker hangs. */
  onTimeout(): void;
}

/**
 * Watches the acknowledgement deadline of one session. Whoever sends something says `arm` before, and `progressed` when
 * what has waited longest is answered.
 */
export class AckWatch {
  readonly #session: Pick<MqttSession, 'ping'>;
  readonly #context: PartitionContext;
  readonly #timeoutMs: number;
  readonly #hooks: AckWatchHooks;
  #lastProgress = 0;
  #probeSentAt: number | undefined;
  /** Something was sent that no PINGREQ has followed yet. */
  #isProbeDue = false;
  #watchdog: { cancel(): void } | undefined;
  #probeTimer: { cancel(): void } | undefined;
  #isOpen = true;

  constructor(session: Pick<MqttSession, 'ping'>, timeoutMs: number, context: PartitionContext, hooks: AckWatchHooks) {
    this.#session = session;
    this.#timeoutMs = timeoutMs;
    this.#context = context;
    this.#hooks = hooks;
  }

  /** The deadline runs from when something first waits for an answer, not from when the last answer came. */
  arm(): void {
    if (this.#hooks.isAnswered()) this.progressed();
    if (!this.#watchdog) this.#watch(this.#timeoutMs);
  }

  /** Since what has waited longest was answered, or sent. */
  get silentMs(): number {
    return this.#context.clock.monotonic() - this.#lastProgress;
  }

  progressed(): void {
    this.#lastProgress = this.#context.clock.monotonic();
  }

  /** Asks the broker for a sign of life: what leaving the socket does not prove, its answer does. */
  probe(): void {
    if (!this.#isOpen || this.#probeSentAt !== undefined || !this.#context.lease().isValid()) return;
    this.#probeSentAt = this.#context.clock.monotonic();
    this.#isProbeDue = false;
    if (!this.#watchdog) this.#watch(this.#timeoutMs);
    this.#session.ping(() => {
      if (!this.#isOpen) return;
      this.#probeSentAt = undefined;
      this.#hooks.onPong();
      if (this.#isProbeDue) this.probeSoon();
    });
  }

  /** The same in a while: one answer proves all that was sent before its PINGREQ, and nothing that was sent after. */
  probeSoon(): void {
    this.#isProbeDue = true;
    if (!this.#isOpen || this.#probeTimer || this.#probeSentAt !== undefined) return;
    this.#probeTimer = this.#context.clock.setTimeout(() => {
      this.#probeTimer = undefined;
      if (this.#isProbeDue) this.probe();
      // Not sent while the lease is in doubt.
      if (this.#isProbeDue) this.probeSoon();
    }, this.#timeoutMs / PROBE_SHARE);
  }

  /** The session is over. */
  close(): void {
    this.#isOpen = false;
    this.#watchdog?.cancel();
    this.#probeTimer?.cancel();
  }

  #watch(afterMs: number): void {
    const { clock } = this.#context;
    this.#watchdog = clock.setTimeout(() => {
      this.#watchdog = undefined;
      const isAnswered = this.#hooks.isAnswered();
      if (!this.#isOpen || (isAnswered && this.#probeSentAt === undefined)) return;
      const messages = isAnswered ? Number.POSITIVE_INFINITY : this.#lastProgress;
      const since = Math.min(messages, this.#probeSentAt ?? Number.POSITIVE_INFINITY);
      const left = since + this.#timeoutMs - clock.monotonic();
      if (left > 0) this.#watch(left);
      else this.#hooks.onTimeout();
    }, afterMs);
  }
}
