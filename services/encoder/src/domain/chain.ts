import { ALL_PARTS, type GatewayEncoderPosition } from '@gatecast/shared/model';
import type { MqttMessage } from '@gatecast/shared/outbox';
import { METADATA_STEP, type SourceWork, type Unit } from './source-work.ts';

/** The last message of a gateway's outbox subject. */
export interface Tail {
  /** OUTBOX stream sequence. */
  readonly sequence: number;
  readonly incarnation: string;
  readonly source: { readonly sequence: number; readonly part: number; readonly parts: number };
  readonly first: number;
  readonly count: number;
  /** How often the gateway had changed its fleet; absent: never. */
  readonly moves?: number;
  /** It is the end of this line: the gateway goes on in that fleet. */
  readonly movedTo?: string;
}

export interface BatchLimits {
  readonly maxBytes: number;
  readonly maxMessages: number;
}

/** One message for the outbox. */
export interface Emission {
  readonly incarnation: string;
  readonly source: { readonly sequence: number; readonly part: number; readonly parts: number };
  readonly first: number;
  readonly moves: number;
  /** The end of the line, without messages: the gateway goes on in that fleet. */
  readonly movedTo?: string;
  readonly messages: readonly MqttMessage[];
  /** The outbox subject's last sequence that this decision was made on; the server refuses at any other. */
  readonly expectLast: number;
  /** Units of the source that are emitted with it. */
  readonly unitsDone: number;
}

/** What a chain knows of its gateway at the start: the record's entry, if there is one. */
export type ChainStart = Pick<GatewayEncoderPosition, 'i' | 'c' | 's' | 'p' | 'g'> | undefined;

/**
 * One gateway's line of messages: which source and step was emitted last, with which counter, and what stands at the end
 * of its outbox subject. Every decision to publish or to skip is made here, from the record and the tail; the server
 * checks the decision by the subject's last sequence, so that of two encoders only one gets its message in.
 */
export class Chain {
  #incarnation: string | undefined;
  #counter = 0;
  #source = 0;
  #part = 0;
  #expectLast: number | undefined;
  #line: string | undefined;
  /** How often the gateway had changed its fleet when this line began. */
  #moves = 0;
  #isEnded = false;
  /** Units of the source in work that this chain has emitted, or found emitted. */
  #cursor = { sequence: 0, units: 0 };

  constructor(start: ChainStart) {
    if (!start) return;
    this.#incarnation = start.i;
    this.#counter = start.c;
    this.#source = start.s;
    this.#part = start.p;
    this.#moves = start.g ?? 0;
  }

  /** The record's entry; undefined for a gateway of which nothing was ever emitted or passed. */
  get progress(): ChainStart {
    if (this.#incarnation === undefined) return undefined;
    const position = { i: this.#incarnation, c: this.#counter, s: this.#source, p: this.#part };
    return this.#moves > 0 ? { ...position, g: this.#moves } : position;
  }

  /** How often the gateway had changed its fleet when its present line began. */
  get moves(): number {
    return this.#moves;
  }

  /** Whether the present line has its end: nothing may be added. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /**
   * Turns to the messages of `incarnation`, which go to the outbox subject of the fleet `line`. A new registration counts
   * from 1; a new line's tail is not known yet.
   */
  begin(incarnation: string, line: string): void {
    if (this.#incarnation !== incarnation) {
      this.#incarnation = incarnation;
      this.#counter = 0;
      this.#moves = 0;
      this.#isEnded = false;
    }
    if (this.#line === line) return;
    this.#line = line;
    this.#expectLast = undefined;
    this.#isEnded = false;
  }

  /**
   * The end of the present line, for a gateway that goes on in the fleet `movedTo`; undefined when it is there. It counts
   * no message, and keeps every other encoder out: the subject's last sequence is not the one that it expects.
   */
  ending(movedTo: string): Emission | undefined {
    if (this.#incarnation === undefined || this.#expectLast === undefined || this.#isEnded) return undefined;
    const isWhole = this.#part === ALL_PARTS;
    return {
      incarnation: this.#incarnation,
      source: { sequence: this.#source, part: isWhole ? 1 : this.#part, parts: isWhole ? 1 : this.#part + 1 },
      first: this.#counter + 1,
      moves: this.#moves,
      movedTo,
      messages: [],
      expectLast: this.#expectLast,
      unitsDone: 0,
    };
  }

  /** The former line is closed: what comes next is the gateway's line after `moves` changes of its fleet. */
  moved(moves: number): void {
    this.#moves = moves;
    this.#line = undefined;
    this.#expectLast = undefined;
    this.#isEnded = false;
  }

  /** False: {@link adoptTail} comes first. */
  get knowsTail(): boolean {
    return this.#expectLast !== undefined;
  }

  /**
   * Takes what the leader says of the outbox subject. An empty one has been purged, or never was: the record stands, and
   * the server expects 0. The counter is the larger of record and tail, and so is the place in the sources: a message
   * of a stale encoder may have come to an emptied subject late, and be an old one.
   */
  adoptTail(tail: Tail | undefined): void {
    this.#expectLast = tail?.sequence ?? 0;
    if (!tail) return;
    const { sequence, part, parts } = tail.source;
    this.#passTo(sequence, part === parts ? ALL_PARTS : part);
    if (tail.incarnation === this.#incarnation) {
      this.#counter = Math.max(this.#counter, tail.first + tail.count - 1);
      this.#isEnded = tail.movedTo !== undefined && (tail.moves ?? 0) === this.#moves;
    }
  }

  /** Steps of the source that were emitted before; `ALL_PARTS` when all were. */
  doneOf(sequence: number): number {
    if (this.#source > sequence) return ALL_PARTS;
    return this.#source === sequence ? this.#part : 0;
  }

  /**
   * The next message of `work` for the outbox; undefined when everything of it is there. The same `work` is given until
   * its source is {@link finished}.
   */
  next(work: SourceWork, limits: BatchLimits): Emission | undefined {
    if (this.#incarnation === undefined || this.#expectLast === undefined) return undefined;
    const start = this.#firstUnit(work);
    const end = endOfBatch(work.units, start, limits);
    if (end === start) return undefined;
    const nextStep = work.units[end]?.step ?? work.steps + 1;
    const messages = work.units.slice(start, end).flatMap((unit) => unit.messages);
    return {
      incarnation: this.#incarnation,
      source: { sequence: work.sequence, part: Math.max(0, nextStep - 1), parts: work.steps },
      first: this.#counter + 1,
      moves: this.#moves,
      messages,
      expectLast: this.#expectLast,
      unitsDone: end,
    };
  }

  /** `emission` is in the outbox, at `sequence` of its stream. */
  emitted(emission: Emission, sequence: number): void {
    const { source, first, messages, unitsDone, movedTo } = emission;
    this.#expectLast = sequence;
    if (movedTo !== undefined) {
      this.#isEnded = true;
      return;
    }
    this.#counter = first + messages.length - 1;
    this.#cursor = { sequence: source.sequence, units: unitsDone };
    this.#passTo(source.sequence, source.part === source.parts ? ALL_PARTS : source.part);
  }

  /** Nothing more is to come of the source: emitted, skipped, or set aside. */
  finished(sequence: number): void {
    this.#passTo(sequence, ALL_PARTS);
  }

  #passTo(source: number, part: number): void {
    if (source < this.#source || (source === this.#source && part <= this.#part)) return;
    this.#source = source;
    this.#part = part;
  }

  #firstUnit(work: SourceWork): number {
    const done = this.doneOf(work.sequence);
    let index = this.#cursor.sequence === work.sequence ? this.#cursor.units : 0;
    for (let unit = work.units[index]; unit && Math.max(METADATA_STEP, unit.step) <= done; unit = work.units[index]) {
      index += 1;
    }
    return index;
  }
}

/** As many units as the limits allow, and one at least. */
function endOfBatch(units: readonly Unit[], start: number, { maxBytes, maxMessages }: BatchLimits): number {
  let bytes = 0;
  let messages = 0;
  let end = start;
  for (let unit = units[end]; unit; unit = units[end]) {
    bytes += unit.bytes;
    messages += unit.messages.length;
    if (end > start && (bytes > maxBytes || messages > maxMessages)) break;
    end += 1;
  }
  return end;
}
