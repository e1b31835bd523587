import { isGatecastError } from '@gatecast/shared/errors';
import { delay } from '@gatecast/shared/lifecycle';
import { type GatewayCheckpoint, type GatewayRecord, ownEntry } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import { type Batch, isSignOfLife } from '../domain/batch.ts';
import { isSameLine, type LineName } from '../domain/place.ts';
import type { PartitionContext } from './context.ts';
import type { FormerRecord } from './former-record.ts';
import type { BacklogTail, FormerFleet, LineReader } from './ports.ts';
import type { StandIn } from './stand-in.ts';
import { putInto } from './transfer.ts';

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 1_000;

export interface ArrivalOptions {
  readonly entry: Revisioned<GatewayRecord>;
  readonly from: string;
  readonly former: FormerFleet;
  readonly formerRecord: FormerRecord;
  /** The gateway's batches in this fleet's outbox. */
  readonly line: LineReader;
  readonly standIn: StandIn;
  readonly context: PartitionContext;
  /** Resolves once the durable record holds `checkpoint`: from then on the gateway is this fleet's. */
  readonly record: (checkpoint: GatewayCheckpoint) => Promise<void>;
  /** Everything that is not settled is in this fleet's waiting room, which ends at `tail`. */
  readonly onArrived: (checkpoint: GatewayCheckpoint, tail: BacklogTail | undefined) => void;
}

/**
 * A gateway on its way from another fleet. In this order, and each step may be repeated: its former owner, or somebody
 * in its place, has given it away; what waits in its former waiting room is in the one here; the record says that it is
 * here; and what its new line has brought meanwhile is in the waiting room too. Nothing is kept in memory.
 */
export class Arrival implements LineName {
  readonly incarnation: string;
  readonly moves: number;
  /** The newest known of its registration. */
  entry: Revisioned<GatewayRecord>;
  /** What the durable record is to say; undefined before it was given away. */
  checkpoint: GatewayCheckpoint | undefined;
  /** The end of its line here, if it is to go on already. */
  end: Batch | undefined;
  /** The last batch that the gateway has shown a sign of life with meanwhile. */
  latest: Batch | undefined;
  readonly #options: ArrivalOptions;
  readonly #stopped = new AbortController();
  #first: number | undefined;
  #last = 0;
  #caughtUpTo = 0;

  constructor(options: ArrivalOptions) {
    this.#options = options;
    this.entry = options.entry;
    this.incarnation = options.entry.value.incarnation;
    this.moves = options.entry.value.moves ?? 0;
  }

  /** First sequence of this fleet's outbox that must stay; undefined: none. */
  get firstHeld(): number | undefined {
    return this.#first;
  }

  /** The moving line has a batch of it. It is not kept, but read again when it is its turn. */
  note(batch: Batch): void {
    if (batch.headers.movedTo !== undefined) {
      this.end = batch;
      return;
    }
    this.#first ??= batch.sequence;
    this.#last = batch.sequence;
    if (isSignOfLife(batch)) this.latest = batch;
  }

  isOf(line: LineName): boolean {
    return isSameLine(this, line);
  }

  stop(): void {
    this.#stopped.abort();
  }

  async run(): Promise<void> {
    const done = this.#options.formerRecord.use();
    try {
      await this.#untilArrived();
    } finally {
      done();
    }
  }

  /** Tries again whenever the former fleet's record is written; and now and then, since that may go unheard. */
  async #untilArrived(): Promise<void> {
    const { formerRecord, context } = this.#options;
    const { signal } = this.#stopped;
    let isDue = true;
    for (let waitMs = FIRST_WAIT_MS; !signal.aborted; ) {
      const { writes } = formerRecord;
      const outcome = await this.#try(isDue);
      if (outcome === 'arrived') return;
      isDue = outcome === 'failed' || !(await formerRecord.nextWrite(writes, waitMs, context.clock, signal));
      if (outcome === 'failed') await delay(waitMs, context.clock, signal);
      if (isDue) waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    }
  }

  /** @param mayStandIn whether to look if the former fleet has no owner, too */
  async #try(mayStandIn: boolean): Promise<'arrived' | 'waiting' | 'failed'> {
    const { context, from } = this.#options;
    const { gatewayId } = this.entry.value;
    try {
      return context.lease().isValid() && (await this.#arrive(mayStandIn)) ? 'arrived' : 'waiting';
    } catch (error) {
      if (!isGatecastError(error)) throw error;
      context.log.warn({ err: error, gatewayId, from }, 'could not take a gateway over from another fleet');
      return 'failed';
    }
  }

  /** False: not yet. */
  async #arrive(mayStandIn: boolean): Promise<boolean> {
    const { from, context, record, onArrived } = this.#options;
    const { gatewayId } = this.entry.value;
    this.checkpoint ??= await this.#takeOver(mayStandIn);
    if (!this.checkpoint || !this.#mayAct()) return false;
    await record(this.checkpoint);
    let tail = await context.backlog.tail(gatewayId);
    // Until nothing waits in the very turn in which it arrives.
    while (!this.#isCaughtUp) {
      if (!this.#mayAct()) return false;
      tail = await this.#catchUp(this.checkpoint);
    }
    if (!this.#mayAct()) return false;
    context.log.info({ gatewayId, from, moves: this.moves }, 'gateway taken over from another fleet');
    onArrived(this.checkpoint, tail);
    return true;
  }

  /** What this fleet's record is to say, once the former waiting room is empty; undefined: not given away yet. */
  async #takeOver(mayStandIn: boolean): Promise<GatewayCheckpoint | undefined> {
    const { former, context } = this.#options;
    const { gatewayId } = this.entry.value;
    const { incarnation, moves } = this;
    const given = await this.#given(mayStandIn);
    if (!given) return undefined;
    const { m: _to, g: _before, v: _decision, h: handled = 0, ...counters } = given;
    const tail = await former.backlog.tail(gatewayId);
    const waiting = former.backlog.read(gatewayId, 0, tail?.sequence ?? 0);
    const end = await putInto(context.backlog, waiting, {
      gatewayId,
      of: { incarnation, moves: moves - 1 },
      as: { incarnation, moves },
      settled: given.s,
      mayAct: () => this.#mayAct(),
    });
    if (!end || !this.#mayAct()) return undefined;
    // Not further than what was read: the gateway may come back one day, and use that room again.
    if (tail) await former.backlog.forget(gatewayId, tail.sequence);
    const highest = Math.max(handled, end.last);
    return { ...counters, ...(highest > given.s ? { h: highest } : {}), g: moves };
  }

  /** The former fleet's entry, if it says that the gateway was given away. */
  async #given(mayStandIn: boolean): Promise<GatewayCheckpoint | undefined> {
    const { former, formerRecord, from, standIn } = this.#options;
    const gateway = this.#options.entry.value;
    const entry = ownEntry((await formerRecord.read())?.value, gateway);
    const isLast = (entry?.g ?? 0) === this.moves - 1;
    if (entry?.m !== undefined && isLast) return entry;
    return isLast && mayStandIn ? await standIn.giveAway(gateway, from, former, () => this.#mayAct()) : undefined;
  }

  /** Puts what its line here has brought since the last time into the waiting room. Resolves to the end of that. */
  async #catchUp({ s: settled }: GatewayCheckpoint): Promise<BacklogTail | undefined> {
    const { incarnation, moves } = this;
    const line = { incarnation, moves };
    const { gatewayId } = this.entry.value;
    const mayAct = () => this.#mayAct();
    const upTo = this.#last;
    const transfer = { gatewayId, of: line, as: line, settled, mayAct };
    const end = await putInto(this.#options.context.backlog, this.#newBatches(), transfer);
    if (end) this.#caughtUpTo = Math.max(upTo, this.#caughtUpTo);
    return end;
  }

  /** Its batches that were not read yet; also those that the moving line will bring only later. */
  async *#newBatches(): AsyncGenerator<Batch> {
    const { line, context } = this.#options;
    const from = Math.max(this.#first ?? 0, this.#caughtUpTo + 1);
    let read = from - 1;
    for await (const batch of line.read(context.partition, this.entry.value.gatewayId, from)) {
      yield batch;
      read = batch.sequence;
    }
    this.#caughtUpTo = read;
  }

  get #isCaughtUp(): boolean {
    return this.#caughtUpTo >= this.#last;
  }

  #mayAct(): boolean {
    return !this.#stopped.signal.aborted && this.#options.context.lease().isValid();
  }
}
