import type { GatewayCheckpoint, GatewayRecord, StatusCode, StatusRecord } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { Batch } from '../domain/batch.ts';
import { isSameLine, type LineName } from '../domain/place.ts';
import { desiredSession } from '../domain/session-settings.ts';
import { type StatusIdentity, StatusTracker } from '../domain/status-tracker.ts';
import type { PartitionContext } from './context.ts';
import { GatewayLine } from './gateway-line.ts';
import { GatewaySession } from './gateway-session.ts';
import type { BacklogTail } from './ports.ts';
import { SilenceWatch } from './silence-watch.ts';

/** One registration of a gateway, served: its line of messages, its session, its status. */
export class Gateway {
  readonly line: GatewayLine;
  readonly #session: GatewaySession;
  readonly #silence: SilenceWatch;
  readonly #status: StatusTracker;
  readonly #context: PartitionContext;
  #record: GatewayRecord;

  constructor(
    entry: Revisioned<GatewayRecord>,
    checkpoint: GatewayCheckpoint | undefined,
    tail: BacklogTail | 'unknown' | undefined,
    context: PartitionContext,
    emitStatus: (record: StatusRecord, transition: boolean) => void,
  ) {
    const { value: record, revision } = entry;
    this.#record = record;
    this.#context = context;
    const own = checkpoint?.i === record.incarnation ? checkpoint : { i: record.incarnation, s: 0 };
    this.line = new GatewayLine(record.gatewayId, own, tail, context, () => this.#session.wake());
    this.#status = new StatusTracker(this.#identity(), this.#owner(), () => new Date(context.clock.now()), emitStatus);
    const desired = desiredSession(record, revision);
    this.#silence = new SilenceWatch(
      {
        gatewayId: record.gatewayId,
        afterMs: desired.silentAfterMs,
        registeredAt: Date.parse(record.createdAt) || context.clock.now(),
        checkpoint: own,
        onChange: () => {
          this.#status.silent(this.#silence.silentSince);
          this.#session.announce();
        },
      },
      context,
    );
    this.#session = new GatewaySession(this.line, desired, this.#status, () => this.#silence.presence, context);
  }

  /** Undefined before the first outcome. */
  get statusCode(): StatusCode | undefined {
    return this.#status.current?.code;
  }

  get incarnation(): string {
    return this.#record.incarnation;
  }

  /** Whether a batch of that line is this gateway's, in its present stay in this fleet. */
  isOf(line: LineName): boolean {
    return isSameLine(this.line, line);
  }

  /** Whether there is anything of it to be remembered. */
  get hasHistory(): boolean {
    const { lane, handled, moves, exactlyOnce, poison } = this.line;
    if (lane.settled > 0 || handled > 0 || moves > 0) return true;
    if (exactlyOnce.isNoteworthy || poison.isNoteworthy) return true;
    return Object.keys(this.#silence.checkpoint()).length > 0;
  }

  get isConnected(): boolean {
    return this.#session.isConnected;
  }

  get isSilent(): boolean {
    return this.#silence.presence === 'silent';
  }

  /** What the durable record is to say of it. */
  checkpoint(): GatewayCheckpoint {
    return this.line.checkpoint(this.#silence.checkpoint());
  }

  start(): void {
    this.#silence.start();
    this.#session.start();
    this.line.wake();
  }

  offer(batch: Batch): void {
    // The birth comes before what ends the silence.
    this.heard(batch);
    this.line.offer(batch);
  }

  /** The moving line had this batch of it; it went to the waiting room without passing by here, or goes into the line. */
  heard(batch: Batch): void {
    this.#silence.offered(batch);
  }

  /** New settings of the same registration. */
  update({ value, revision }: Revisioned<GatewayRecord>): void {
    this.#record = value;
    const desired = desiredSession(value, revision);
    this.#session.update(desired);
    this.#silence.allow(desired.silentAfterMs);
  }

  /** The durable record holds this. */
  recorded(checkpoint: GatewayCheckpoint): void {
    this.line.recordedAs(checkpoint);
    this.#session.wake();
  }

  /** The lease is valid (again), perhaps of a higher epoch. */
  resume(): void {
    this.#status.reidentify(this.#identity(), this.#owner());
    this.#session.resume();
    this.line.wake();
  }

  /** Planned end: another process, or nobody, serves it next. */
  async stop(): Promise<void> {
    this.#silence.stop();
    await this.#session.stop();
    this.line.stop();
  }

  /**
   * Planned end: an owner in another fleet serves it next. True: what is not durably settled is in the waiting room.
   * False: that could not be done, the partition is given up.
   */
  async leave(): Promise<boolean> {
    this.#silence.stop();
    await this.#session.stop();
    return await this.line.leave();
  }

  /** The registration is gone: says good-bye to the broker and forgets what was queued. */
  async retire(): Promise<void> {
    this.line.exactlyOnce.retire();
    this.#silence.stop();
    this.#session.update(desiredSession(undefined, Number.MAX_SAFE_INTEGER));
    this.line.stop();
    // Nobody is served by it: what is to be said takes the time it needs.
    await this.#session.stop(false);
  }

  abort(): void {
    this.#silence.stop();
    this.line.stop();
    this.#session.abort();
  }

  #identity(): StatusIdentity {
    const { gatewayId, workspace, incarnation } = this.#record;
    return { gatewayId, workspace, incarnation, fleet: this.#context.fleet, moves: this.line.moves };
  }

  #owner(): { instance: string; epoch: number } {
    const { instance, epoch } = this.#context.lease();
    return { instance, epoch };
  }
}
