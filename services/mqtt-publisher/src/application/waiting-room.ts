import { isGatecastError } from '@gatecast/shared/errors';
import { delay } from '@gatecast/shared/lifecycle';
import type { GatewayCheckpoint } from '@gatecast/shared/model';
import type { Batch } from '../domain/batch.ts';
import { isSameLine, type LineName } from '../domain/place.ts';
import type { PartitionContext } from './context.ts';
import type { BacklogTail } from './ports.ts';

const RETRY_MS = 200;

/** One gateway's place in BACKLOG: what it has put there, and how far it has read. */
export class WaitingRoom {
  readonly #gatewayId: string;
  readonly #line: LineName;
  readonly #context: PartitionContext;
  readonly #stopped: AbortSignal;
  #tail: { sequence: number; last: number };
  #isTailKnown: boolean;
  /** Highest counter that went there, or was refused at the door. */
  #handled: number;
  /** Where to go on reading; 0: at its beginning. */
  #readFrom = 0;
  /** Batches that were read and whose end is not recorded yet. */
  #taken: Batch[] = [];
  /** Settled counter that the durable record holds. */
  #recorded: number;

  constructor(
    gatewayId: string,
    checkpoint: GatewayCheckpoint,
    tail: BacklogTail | 'unknown' | undefined,
    context: PartitionContext,
    stopped: AbortSignal,
  ) {
    this.#gatewayId = gatewayId;
    this.#line = { incarnation: checkpoint.i, moves: checkpoint.g ?? 0 };
    this.#context = context;
    this.#stopped = stopped;
    this.#handled = checkpoint.h ?? 0;
    this.#recorded = checkpoint.s;
    this.#isTailKnown = tail !== 'unknown';
    this.#tail = this.#endOf(tail === 'unknown' ? undefined : tail);
  }

  /** Looks where it ends, if nobody has said so yet: before that nothing in it counts as missing. @throws {GatecastError} */
  async findTail(): Promise<void> {
    if (this.#isTailKnown) return;
    const tail = this.#endOf(await this.#context.backlog.tail(this.#gatewayId));
    // What was put there meanwhile knows better.
    if (!this.#isTailKnown) this.#tail = tail;
    this.#isTailKnown = true;
  }

  /** Counter of the last message in it. */
  get last(): number {
    return this.#tail.last;
  }

  /** Highest counter that went there, or was refused at the door. */
  get handled(): number {
    return Math.max(this.#handled, this.#tail.last);
  }

  /**
   * Puts a batch at the end and waits until that is confirmed; one that a full room refuses is lost. Returns false when
   * it could not be decided (lease lost, stopped): to be tried again later.
   * @param settled the gateway's settled counter
   */
  async append(batch: Batch, settled: number): Promise<boolean> {
    const { backlog, observer, log, clock, lease } = this.#context;
    while (!this.#stopped.aborted && lease().isValid()) {
      if (batch.last <= this.#tail.last) return true;
      try {
        const sequence = await backlog.append(batch, this.#tail.sequence);
        // Only when nothing in front of it is needed: a former owner, or a write without an answer, may have left some.
        if (this.#readFrom === 0 && this.#tail.last <= settled) this.#readFrom = sequence;
        this.#tail = { sequence, last: batch.last };
        this.#isTailKnown = true;
        observer.movedToBacklog(batch.messages.length);
        return true;
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        if (error.code === 'STORAGE_FULL') {
          this.#refused(batch, error);
          return true;
        }
        if (error.code !== 'SUBJECT_SEQUENCE_CONFLICT') {
          log.warn({ err: error, gatewayId: this.#gatewayId }, 'could not write to the waiting room');
          await delay(RETRY_MS, clock, this.#stopped);
        }
        await this.#readTail();
      }
    }
    return false;
  }

  /** Sequence of its last batch once all are settled and durably recorded; undefined while any is needed, or none is left. */
  get drainedUpTo(): number | undefined {
    const isDrained = this.#tail.sequence > 0 && this.#taken.length === 0 && this.handled <= this.#recorded;
    return isDrained ? this.#tail.sequence : undefined;
  }

  /** Everything up to `sequence` was removed. */
  emptied(sequence: number): void {
    if (this.#tail.sequence === sequence) this.#tail = { sequence: 0, last: this.#tail.last };
  }

  /** What was not read yet, in order, up to the end known now. */
  read(): AsyncIterable<Batch> {
    return this.#context.backlog.read(this.#gatewayId, this.#readFrom, this.#tail.sequence);
  }

  /** `batch` was read. Returns whether it is of the present registration, and of its present stay in this fleet. */
  passed(batch: Batch): boolean {
    this.#readFrom = batch.sequence + 1;
    return isSameLine(batch.headers, this.#line);
  }

  /** `batch` was read and is in the lane now: it is needed until its end is recorded. */
  taken(batch: Batch): void {
    this.#taken.push(batch);
  }

  recordedUpTo(settled: number): void {
    this.#recorded = settled;
    while (this.#taken[0] && this.#taken[0].last <= settled) this.#taken.shift();
  }

  /** What was read and is not recorded will be read again. */
  rewind(): void {
    const [first] = this.#taken;
    if (first) this.#readFrom = first.sequence;
    this.#taken = [];
  }

  #refused(batch: Batch, error: unknown): void {
    const { observer, log } = this.#context;
    observer.backlogRefused(batch.messages.length);
    log.error(
      { err: error, gatewayId: this.#gatewayId, first: batch.first, last: batch.last },
      'the waiting room is full: newest messages are lost',
    );
    this.#handled = Math.max(this.#handled, batch.last);
  }

  #endOf(tail: BacklogTail | undefined): { sequence: number; last: number } {
    return { sequence: tail?.sequence ?? 0, last: tail && isSameLine(tail, this.#line) ? tail.last : 0 };
  }

  async #readTail(): Promise<void> {
    const { backlog, log } = this.#context;
    try {
      const { sequence, last } = this.#endOf(await backlog.tail(this.#gatewayId));
      this.#tail = { sequence, last: Math.max(this.#tail.last, last) };
      this.#isTailKnown = true;
    } catch (error) {
      log.warn({ err: error, gatewayId: this.#gatewayId }, 'could not read the end of the waiting room');
    }
  }
}
