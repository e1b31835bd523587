import { delay } from '@gatecast/shared/lifecycle';
import type { GatewayCheckpoint } from '@gatecast/shared/model';
import type { Batch } from '../domain/batch.ts';
import { Lane } from '../domain/lane.ts';
import type { PartitionContext } from './context.ts';
import { ExactlyOnce, mayBeHeld } from './exactly-once.ts';
import { PoisonWatch } from './poison-watch.ts';
import type { BacklogTail } from './ports.ts';
import { WaitingRoom } from './waiting-room.ts';

/**
 * - `live`: batches go from the moving line straight into the lane.
 * - `behind`: they go to the waiting room; the lane is fed from there.
 * - `rejoining`: the waiting room is empty; new batches are held until the lane is, then the gateway is live again.
 */
export type LineMode = 'live' | 'behind' | 'rejoining';

const RETRY_MS = 200;
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

  #mode: LineMode = 'live';
  /** Read from OUTBOX, neither in the lane nor in the waiting room yet. */
  #waiting: Batch[] = [];
  /** Settled counter that the durable record holds. */
  #recorded: number;
  #brokerAway = false;
  /** When the batches of the moving line came that are not durably settled, oldest first; monotonic ms. */
  #arrivals: { last: number; at: number }[] = [];
  #agesSince = Number.NEGATIVE_INFINITY;
  #isTooOld = false;
  #working = false;
  /** Circumstances have changed since the step under way began. */
  #workAgain = false;
  #draining = false;
  #drainAgain = false;
  /** Counts how often unsent messages were taken out of the lane: a read begun before has lost its place. */
  #removals = 0;

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
    return this.#mode === 'live' && !this.#working && this.#mayAct() ? this.#room.drainedUpTo : undefined;
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
    if (this.#mode === 'live') this.#arrivals.push({ last: batch.last, at: this.#context.clock.monotonic() });
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
    const now = this.#context.clock.monotonic();
    // While we may not act nobody can be blamed for being slow.
    if (!this.#mayAct()) this.#agesSince = now;
    const oldest = this.#arrivals[0];
    if (this.#mode !== 'live' || !oldest) return;
    if (now - Math.max(oldest.at, this.#agesSince) <= this.#context.limits.lineMaxAgeMs) return;
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
    while (this.#arrivals[0] && this.#arrivals[0].last <= checkpoint.s) this.#arrivals.shift();
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
          this.#isLaneStuck ||
          this.#waitingMessages() > this.#context.limits.laneMaxMessages
        )
          this.#mode = 'behind';
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
    this.#mode = 'behind';
    this.#isTooOld = false;
    this.#arrivals = [];
    this.#removeUnsent();
    this.#waiting = [...unrecorded, ...this.#waiting];
  }

  /** Sees to it that the lane is fed from the waiting room, now or after the read under way. */
  #feed(): void {
    if (this.#mode !== 'behind') return;
    if (this.#draining) this.#drainAgain = true;
    else void this.#drain();
  }

  async #drain(): Promise<void> {
    const { clock, log } = this.#context;
    this.#draining = true;
    do {
      this.#drainAgain = false;
      try {
        await this.#drainOnce();
      } catch (error) {
        log.warn({ err: error, gatewayId: this.gatewayId }, 'could not read the waiting room');
        await delay(RETRY_MS, clock, this.#stopped.signal);
        this.#drainAgain = true;
      }
    } while (this.#drainAgain && this.#mode === 'behind' && this.#canDrain());
    this.#draining = false;
    if (this.#mode === 'rejoining') this.wake();
  }

  /** Feeds the lane from the waiting room until that is empty, or the lane full. */
  async #drainOnce(): Promise<void> {
    await this.#room.findTail();
    while (this.#mode === 'behind' && this.#canDrain()) {
      if (this.lane.firstNeeded > this.#room.last) {
        if (this.#working || this.#waiting.length > 0) return;
        if (this.#room.handled >= this.lane.next) this.#lose(this.#room.handled);
        this.#mode = 'rejoining';
        return;
      }
      if (!(await this.#readBacklog())) return;
    }
  }

  #canDrain(): boolean {
    const { limits } = this.#context;
    const room = this.lane.size < limits.laneMaxMessages;
    return room && !this.#brokerAway && this.#mayAct();
  }

  /** Returns false when reading was broken off: the lane is full or was emptied, or the lease is gone. */
  async #readBacklog(): Promise<boolean> {
    // A read proves a gap only up to the end known before it.
    const { last } = this.#room;
    const removals = this.#removals;
    for await (const batch of this.#room.read()) {
      if (removals !== this.#removals || this.#stopped.signal.aborted) return false;
      if (this.#room.passed(batch) && batch.last > this.#recorded) {
        // Also what the lane holds already: if the session ends it may have to be read again.
        this.#room.taken(batch);
        if (batch.last >= this.lane.firstNeeded) this.#take(batch);
      }
      if (!this.#canDrain()) return false;
    }
    if (removals !== this.#removals || this.#stopped.signal.aborted) return false;
    this.lane.forgo(last);
    if (this.lane.next <= last) this.#lose(last);
    return true;
  }

  #lose(last: number): void {
    const { observer, log } = this.#context;
    const from = this.lane.next;
    this.lane.lose(last);
    observer.lost(last - from + 1);
    log.warn({ gatewayId: this.gatewayId, from, to: last }, 'messages lost to limits');
    this.#onFed();
  }

  /** Frees the memory of what came from the waiting room and is not sent: it is read again when the broker is back. */
  #forgetUnsent(): void {
    this.#mode = 'behind';
    this.#removeUnsent();
    this.#room.rewind();
  }

  #removeUnsent(): void {
    this.#removals += 1;
    this.lane.removeUnsent();
  }
}
