import { delay } from '@gatecast/shared/lifecycle';
import type { Batch } from '../domain/batch.ts';
import type { Lane } from '../domain/lane.ts';
import type { PartitionContext } from './context.ts';
import type { WaitingRoom } from './waiting-room.ts';

const RETRY_MS = 200;

export interface RoomReaderOptions {
  readonly gatewayId: string;
  readonly lane: Lane;
  readonly room: WaitingRoom;
  readonly context: PartitionContext;
  readonly stopped: AbortSignal;
  /** Whether the lane is fed from the waiting room. */
  readonly isBehind: () => boolean;
  /** Whether there is somebody to feed it for: the broker, and our lease. */
  readonly mayRead: () => boolean;
  /** Whether anything is on its way into the waiting room. */
  readonly isFilling: () => boolean;
  /** Settled counter that the durable record holds. */
  readonly recorded: () => number;
  readonly take: (batch: Batch) => void;
  /** Called when the lane may have something to send. */
  readonly onFed: () => void;
  /** Everything in the waiting room is in the lane, or lost. */
  readonly onEmpty: () => void;
  /** Called each time when reading has come to an end. */
  readonly onRest: () => void;
}

/** Feeds a gateway's lane from its waiting room, in order, until that is empty or the lane full; says what is missing. */
export class RoomReader {
  readonly #options: RoomReaderOptions;
  #isReading = false;
  #readAgain = false;
  /** Counts how often unsent messages were taken out of the lane: a read begun before has lost its place. */
  #removals = 0;

  constructor(options: RoomReaderOptions) {
    this.#options = options;
  }

  /** Sees to it that the lane is fed, now or after the read under way. */
  feed(): void {
    if (this.#isReading) this.#readAgain = true;
    else void this.#read();
  }

  /** Unsent messages were taken out of the lane: they have to be read again. */
  losePlace(): void {
    this.#removals += 1;
  }

  async #read(): Promise<void> {
    const { context, gatewayId, stopped, onRest } = this.#options;
    const { clock, log } = context;
    this.#isReading = true;
    do {
      this.#readAgain = false;
      try {
        await this.#readOnce();
      } catch (error) {
        log.warn({ err: error, gatewayId }, 'could not read the waiting room');
        await delay(RETRY_MS, clock, stopped);
        this.#readAgain = true;
      }
    } while (this.#readAgain && this.#isWanted);
    this.#isReading = false;
    onRest();
  }

  async #readOnce(): Promise<void> {
    const { lane, room, isFilling, onEmpty } = this.#options;
    await room.findTail();
    while (this.#isWanted) {
      if (lane.firstNeeded > room.last) {
        if (isFilling()) return;
        if (room.handled >= lane.next) this.#lose(room.handled);
        onEmpty();
        return;
      }
      if (!(await this.#readOn())) return;
    }
  }

  get #isWanted(): boolean {
    const { lane, context, isBehind, mayRead } = this.#options;
    return isBehind() && mayRead() && lane.size < context.limits.laneMaxMessages;
  }

  /** Returns false when reading was broken off: the lane is full or was emptied, or the lease is gone. */
  async #readOn(): Promise<boolean> {
    const { lane, room, stopped, recorded, take } = this.#options;
    // A read proves a gap only up to the end known before it.
    const { last } = room;
    const removals = this.#removals;
    for await (const batch of room.read()) {
      if (removals !== this.#removals || stopped.aborted) return false;
      if (room.passed(batch) && batch.last > recorded()) {
        // Also what the lane holds already: if the session ends it may have to be read again.
        room.taken(batch);
        if (batch.last >= lane.firstNeeded) take(batch);
      }
      if (!this.#isWanted) return false;
    }
    if (removals !== this.#removals || stopped.aborted) return false;
    lane.forgo(last);
    if (lane.next <= last) this.#lose(last);
    return true;
  }

  #lose(last: number): void {
    const { lane, gatewayId, context, onFed } = this.#options;
    const { observer, log } = context;
    const from = lane.next;
    lane.lose(last);
    observer.lost(last - from + 1);
    log.warn({ gatewayId, from, to: last }, 'messages lost to limits');
    onFed();
  }
}
