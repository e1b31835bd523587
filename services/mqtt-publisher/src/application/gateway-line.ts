import { delay } from '@gatecast/shared/lifecycle';
import type { GatewayCheckpoint } from '@gatecast/shared/model';
import type { Batch } from '../domain/batch.ts';
import { Lane } from '../domain/lane.ts';
import { LineAge } from '../domain/line-age.ts';
import type { PartitionContext } from './context.ts';
import { ExactlyOnce, mayBeHeld } from './exactly-once.ts';
import { PoisonWatch } from './poison-watch.ts';
import type { BacklogTail } from './ports.ts';
import { RoomReader } from './room-reader.ts';
import { WaitingRoom } from './waiting-room.ts';

/**
 * - `live`: batches go from the moving line straight into the lane.
 * - `behind`: they go to the waiting room; the lane is fed from there.
 * - `rejoining`: the waiting room is empty; new batches are held until the lane is, then the gateway is live again.
 */
export type LineMode = 'live' | 'behind' | 'rejoining';

const LEAVE_CHECK_MS = 10;

/**
 * How one gateway's batches get into its lane: from OUTBOX, or, when its broker does not take them now, through its
 * waiting room in BACKLOG, in order, so that an offline gateway never holds the line.
 */
export class GatewayLine {
  readonly lane: Lane;
  readonly gatewayId: string;
  readonly incarnation: string;
  readonly exactlyOnce: ExactlyOnce;
  readonly poison: PoisonWatch;
  /** How often the gateway had changed its fleet when it came to this one. */
  readonly moves: number;
  /** ms since the epoch; undefined before the first delivery. */
  lastDeliveredAt: number | undefined;
  readonly #context: PartitionContext;
  /** Called when the lane may have something to send. */
  readonly #onFed: () => void;
  readonly #stopped = new AbortController();
  readonly #room: WaitingRoom;
  /** Of most gateways nothing ever waits. */
  #reader: RoomReader | undefined;

  #mode: LineMode = 'live';
  /** Read from OUTBOX, neither in the lane nor in the waiting room yet. */
  #waiting: Batch[] = [];
  /** Settled counter that the durable record holds. */
  #recorded: number;
  #brokerAway = false;
  readonly #age: LineAge;
  #isTooOld = false;
  #working = false;
  /** Circumstances have changed since the step under way began. */
  #workAgain = false;

  constructor(
    gatewayId: string,
    checkpoint: GatewayCheckpoint,
    tail: BacklogTail | 'unknown' | undefined,
    context: PartitionContext,
    onFed: () => void,
  ) {
    this.gatewayId = gatewayId;
    this.incarnation = checkpoint.i;
    this.moves = checkpoint.g ?? 0;
    this.#context = context;
    this.#onFed = onFed;
    const { s, r = s, l = 0, x = 0 } = checkpoint;
    this.lane = new Lane({ settled: s, received: r, mayBeHeld: mayBeHeld(checkpoint), lost: l, aside: x });
    this.exactlyOnce = new ExactlyOnce(gatewayId, this.lane, checkpoint, context);
    this.poison = new PoisonWatch(gatewayId, this.lane, checkpoint, context, this.#stopped.signal, onFed);
    this.lastDeliveredAt = checkpoint.t;
    this.#recorded = checkpoint.s;
    this.#room = new WaitingRoom(gatewayId, checkpoint, tail, context, this.#stopped.signal);
    if (this.#room.handled > checkpoint.s) this.#mode = 'behind';
    this.#age = new LineAge(context.limits.lineMaxAgeMs);
  }

  get mode(): LineMode {
    return this.#mode;
  }

  get recorded(): number {
    return this.#recorded;
  }

  /** Whether anything waits for the broker, in the lane or outside. */
  get hasMessages(): boolean {
    return this.lane.size > 0 || this.hasOutside;
  }

  /** Messages of it in memory that are still to be sent, and not in flight. */
  get unsent(): number {
    return this.lane.unsent + this.#waitingMessages();
  }

  /** Whether anything waits that is not in the lane yet. */
  get hasOutside(): boolean {
    return this.#waiting.length > 0 || this.#mode === 'behind';
  }

  /** Highest counter that went to the waiting room, or was refused there. */
  get handled(): number {
    return this.#room.handled;
  }

  /** End of the waiting room when nothing in it is needed any more; undefined otherwise, or when it is empty. */
  get drainedUpTo(): number | undefined {
    const upTo = this.#room.drainedUpTo;
    return upTo !== undefined && this.#mode === 'live' && !this.#working && this.#mayAct() ? upTo : undefined;
  }

  /** The waiting room was emptied up to this sequence. */
  emptied(sequence: number): void {
    this.#room.emptied(sequence);
  }

  /** Takes a batch of the moving line. */
  offer(batch: Batch): void {
    if (batch.last <= this.lane.settled) {
      this.#context.observer.repeated(batch.messages.length);
      return;
    }
    if (this.#mode !== 'behind') this.#age.arrived(batch.last, this.#context.clock.monotonic());
    const direct = this.#mode === 'live' && !this.#working && this.#waiting.length === 0 && this.#fits(batch);
    if (direct && !this.#brokerAway) {
      this.#take(batch);
      return;
    }
    this.#waiting.push(batch);
    this.wake();
  }

  /** Moves what has waited for its acknowledgement for too long: a slow broker must not keep the line long. */
  checkAge(): void {
    if (this.#age.isEmpty) return; // of most gateways, and they are asked each second
    const now = this.#context.clock.monotonic();
    // While we may not act nobody can be blamed for being slow.
    if (!this.#mayAct()) this.#age.countFrom(now);
    if (!this.#age.isTooOld(now)) return;
    this.#isTooOld = true;
    this.wake();
  }

  /** Goes on with whatever can be done now. Called on every change of circumstances; cheap when there is nothing. */
  wake(): void {
    if (this.#stopped.signal.aborted) return;
    if (this.#working) this.#workAgain = true;
    else void this.#work();
    // Reading starts anew each time: let the lane get half empty first.
    if (this.lane.size <= this.#context.limits.laneMaxMessages / 2) this.#feed();
  }

  /** The broker has been away for `awayMs`, or is back. */
  brokerIs(state: 'away' | 'back'): void {
    this.#brokerAway = state === 'away';
    if (state === 'away' && this.#mode !== 'live') this.#forgetUnsent();
    this.wake();
  }

  /** What `checkpoint()` returned is durable now. */
  recordedAs(checkpoint: GatewayCheckpoint): void {
    this.#recorded = checkpoint.s;
    this.#age.settledUpTo(checkpoint.s);
    this.#room.recordedUpTo(checkpoint.s);
    this.exactlyOnce.recorded(checkpoint);
    this.poison.recorded(checkpoint);
  }

  /** Whether the line need not keep `batch` any longer, once the present settled counter is recorded. */
  isSettled(batch: Batch): boolean {
    return batch.inBacklog || this.lane.settled >= batch.last;
  }

  /**
   * What the durable record is to say of this gateway; `recordedAs` wants it back.
   * @param others fields that are not the line's
   */
  checkpoint(others: Partial<GatewayCheckpoint> = {}): GatewayCheckpoint {
    const { settled, lost, aside } = this.lane;
    const handled = this.handled;
    const checkpoint: GatewayCheckpoint = {
      ...others,
      i: this.incarnation,
      s: settled,
      ...(handled > settled ? { h: handled } : {}),
      ...(lost > 0 ? { l: lost } : {}),
      ...(aside > 0 ? { x: aside } : {}),
      ...(this.lastDeliveredAt === undefined ? {} : { t: this.lastDeliveredAt }),
      ...(this.moves > 0 ? { g: this.moves } : {}),
      ...this.exactlyOnce.checkpoint(),
      ...this.poison.checkpoint(),
    };
    this.exactlyOnce.built(checkpoint);
    return checkpoint;
  }

  /**
   * Puts everything that is not durably settled into the waiting room, for an owner in another fleet. The session is
   * over. False: stopped before that was done.
   */
  async leave(): Promise<boolean> {
    const { signal } = this.#stopped;
    this.brokerIs('away');
    while (!signal.aborted) {
      const isInLane = this.#mode === 'live' && this.lane.size > 0;
      if (!this.#working && this.#waiting.length === 0 && !isInLane) return true;
      this.wake();
      await delay(LEAVE_CHECK_MS, this.#context.clock, signal);
    }
    return false;
  }

  stop(): void {
    this.#stopped.abort();
  }

  #fits(batch: Batch): boolean {
    return this.lane.size + batch.messages.length <= this.#context.limits.laneMaxMessages || this.lane.size === 0;
  }

  #take(batch: Batch): void {
    const lostBefore = this.lane.next;
    const taken = this.lane.take(batch);
    if (taken < batch.messages.length) this.#context.observer.repeated(batch.messages.length - Math.max(0, taken));
    if (batch.first > lostBefore) {
      const { log, observer } = this.#context;
      observer.lost(batch.first - lostBefore);
      log.warn({ gatewayId: this.gatewayId, from: lostBefore, to: batch.first - 1 }, 'messages lost to limits');
    }
    this.#onFed();
  }

  async #work(): Promise<void> {
    this.#working = true;
    try {
      do {
        this.#workAgain = false;
        while (this.#mayAct() && (await this.#step()));
      } while (this.#workAgain && this.#mayAct());
    } finally {
      this.#working = false;
    }
    this.#feed();
  }

  #feed(): void {
    if (this.#mode !== 'behind') return;
    this.#reader ??= this.#createReader();
    this.#reader.feed();
  }

  #createReader(): RoomReader {
    return new RoomReader({
      ...{ gatewayId: this.gatewayId, lane: this.lane, room: this.#room, context: this.#context },
      stopped: this.#stopped.signal,
      isBehind: () => this.#mode === 'behind',
      mayRead: () => !this.#brokerAway && this.#mayAct(),
      isFilling: () => this.#working || this.#waiting.length > 0,
      recorded: () => this.#recorded,
      take: (batch) => this.#take(batch),
      onFed: this.#onFed,
      onEmpty: () => {
        this.#mode = 'rejoining';
      },
      onRest: () => {
        if (this.#mode === 'rejoining') this.wake();
      },
    });
  }

  #mayAct(): boolean {
    return !this.#stopped.signal.aborted && this.#context.lease().isValid();
  }

  /** One step of the line; false when there is nothing to do. */
  async #step(): Promise<boolean> {
    const batch = this.#waiting[0];
    switch (this.#mode) {
      case 'live': {
        if (this.#isTooOld || (this.#brokerAway && (this.lane.size > 0 || batch))) {
          this.#moveToBacklog();
          return true;
        }
        if (!batch) return false;
        if (batch.last >= this.lane.next && !this.#fits(batch)) {
          this.#moveToBacklog();
          return true;
        }
        this.#waiting.shift();
        this.#take(batch);
        return true;
      }
      case 'rejoining': {
        if (this.lane.size === 0) this.#mode = 'live';
        else if (
          this.#brokerAway ||
          this.#isTooOld ||
          this.#isLaneStuck ||
          this.#waitingMessages() > this.#context.limits.laneMaxMessages
        )
          this.#fallBehind();
        else return false;
        return true;
      }
      case 'behind': {
        if (!batch) return false;
        // Settled is not enough: a successor that finds later messages waiting would take what is missing for lost.
        if (batch.last > this.#recorded && !(await this.#room.append(batch, this.lane.settled))) return false;
        batch.inBacklog = true;
        this.#waiting.shift();
        this.#context.requestRecord('soon');
        return true;
      }
    }
  }

  /** Whether the lane never empties without what waits: it decides on what is held aside, or is what the lane lacks. */
  get #isLaneStuck(): boolean {
    const lacksContent = this.lane.firstNeeded < this.lane.next;
    return (this.poison.heldCount > 0 || lacksContent) && this.#waiting.length > 0;
  }

  #waitingMessages(): number {
    return this.#waiting.reduce((sum, batch) => sum + batch.messages.length, 0);
  }

  /** Moves everything above the durably recorded counter, what is in flight included, to the waiting room, in order. */
  #moveToBacklog(): void {
    const { outstanding, log } = this.#context;
    const waiting = new Set(this.#waiting);
    const unrecorded = [...outstanding.of(this.gatewayId)].filter(
      (batch) => !batch.inBacklog && batch.last > this.#recorded && !waiting.has(batch),
    );
    log.info({ gatewayId: this.gatewayId, batches: unrecorded.length }, 'moving to the waiting room');
    this.#fallBehind();
    this.#removeUnsent();
    this.#waiting = [...unrecorded, ...this.#waiting];
  }

  /** Frees the memory of what came from the waiting room and is not sent: it is read again when the broker is back. */
  #forgetUnsent(): void {
    this.#fallBehind();
    this.#removeUnsent();
    this.#room.rewind();
  }

  /** What the moving line brings goes to the waiting room: there it may get as old as it likes. */
  #fallBehind(): void {
    this.#mode = 'behind';
    this.#isTooOld = false;
    this.#age.forget();
  }

  #removeUnsent(): void {
    this.#reader?.losePlace();
    this.lane.removeUnsent();
  }
}
