import { isGatecastError } from '@gatecast/shared/errors';
import type { GatewayCheckpoint } from '@gatecast/shared/model';
import { type Batch, isSignOfLife } from '../domain/batch.ts';
import { type Presence, Silence } from '../domain/silence.ts';
import type { PartitionContext } from './context.ts';

const CHECK_AGAIN_MS = 1_000;

export interface SilenceWatchOptions {
  gatewayId: string;
  /** How long it may be without readings, ms; 0: for ever. */
  afterMs: number;
  /** ms since the epoch */
  registeredAt: number;
  checkpoint: Pick<GatewayCheckpoint, 'a' | 'q'> | undefined;
  /** It is known to be silent, or present, where that was not so or not known. */
  onChange: () => void;
}

/**
 * Notices that a gateway has fallen silent, and that it speaks again. Before silence is declared it asks whether anything
 * newer is on the way to this process, so that an encoder that is behind, or a late start of our own, shows nobody as
 * offline.
 */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  readonly #context: PartitionContext;
  readonly #silence: Silence;
  #timer: { cancel(): void } | undefined;
  #known: Presence;
  #isStopped = false;

  constructor(options: SilenceWatchOptions, context: PartitionContext) {
    const { afterMs, registeredAt, checkpoint } = options;
    this.#options = options;
    this.#context = context;
    this.#silence = new Silence(afterMs, registeredAt, checkpoint);
    this.#known = this.presence;
  }

  get presence(): Presence {
    return this.#silence.presence(this.#context.clock.now());
  }

  /** The last reading of a gateway that is silent, ms since the epoch. */
  get silentSince(): number | undefined {
    return this.presence === 'silent' ? this.#silence.since : undefined;
  }

  start(): void {
    this.#schedule();
  }

  /** A batch of the moving line. */
  offered(batch: Batch): void {
    if (!isSignOfLife(batch)) return;
    this.#silence.heard(batch.storedAt, this.#context.clock.now());
    if (this.#known === 'present') return;
    this.#tellChange();
    this.#schedule();
  }

  /** The settings say how long it may be silent. */
  allow(afterMs: number): void {
    this.#silence.allow(afterMs, this.#context.clock.now());
    this.#schedule();
    this.#tellChange();
  }

  checkpoint(): Pick<GatewayCheckpoint, 'a' | 'q'> {
    return this.#silence.checkpoint();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Every reading moves the time, none the timer: when that is due it looks anew. */
  #schedule(atLeastMs = 0): void {
    this.#timer?.cancel();
    const { overdueAt } = this.#silence;
    if (this.#isStopped || overdueAt === undefined) return;
    const { clock } = this.#context;
    this.#timer = clock.setTimeout(() => void this.#look(), Math.max(atLeastMs, overdueAt - clock.now()));
  }

  async #look(): Promise<void> {
    if (this.presence === 'unsure') await this.#decide();
    this.#tellChange();
    // One that is silent is looked at again when it has spoken.
    if (this.presence !== 'silent') this.#schedule(this.presence === 'unsure' ? CHECK_AGAIN_MS : 0);
  }

  #tellChange(): void {
    const { presence } = this;
    if (presence === this.#known || presence === 'unsure' || this.#isStopped) return;
    this.#known = presence;
    this.#context.requestRecord('now');
    this.#options.onChange();
  }

  async #decide(): Promise<void> {
    const { partition, upstream, outstanding, clock, log, lease } = this.#context;
    const { gatewayId } = this.#options;
    if (!lease().isValid()) return;
    try {
      const { acceptedAt, outboxSequence } = await upstream.of(partition, gatewayId);
      if (this.#isStopped || !lease().isValid() || outboxSequence > outstanding.readUpTo) return;
      if (acceptedAt !== undefined) this.#silence.defer(acceptedAt);
      this.#silence.confirm(clock.now());
    } catch (error) {
      if (!isGatecastError(error)) throw error;
      log.warn({ err: error, gatewayId }, 'could not ask whether the gateway is silent');
    }
  }
}
