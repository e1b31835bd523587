import type { GatewayEncoderPosition } from '@gatecast/shared/model';
import type { MqttMessage } from '@gatecast/shared/outbox';
import { Chain, type Emission, type Tail } from '../../src/domain/chain.ts';
import type { SourceWork, Unit } from '../../src/domain/source-work.ts';

export interface Source {
  readonly sequence: number;
  readonly readings: number;
}

/** How an owner encodes: another owner may have newer settings, other limits, other metadata to announce. */
export interface Manner {
  readonly messagesPerReading: number;
  readonly metadata: number;
  readonly maxMessages: number;
}

/** What the server does with a publish, and what the encoder hears of it. */
export type Fate = 'acknowledged' | 'stored_unheard' | 'lost' | 'late';

interface Stored {
  readonly sequence: number;
  readonly emission: Emission;
}

interface Owner {
  readonly chain: Chain;
  readonly manner: Manner;
  /** Index of the source in work. */
  at: number;
  /** Encoded once by each owner. */
  work: SourceWork | undefined;
}

const label = (message: MqttMessage) => Buffer.from(message.payload).toString();

/**
 * One gateway's outbox subject, its record and its encoders, one after the other, as the server and the publisher see
 * them. The publisher takes a message when its counter is the next, drops lower ones, and takes a higher one for a gap.
 */
export class ChainWorld {
  readonly #sources: readonly Source[];
  /** The subject as the server has it. */
  #subject: Stored[] = [];
  #lastSequence = 0;
  #inFlight: Emission[] = [];
  #record: Pick<GatewayEncoderPosition, 'i' | 'c' | 's' | 'p'> | undefined;
  #owner: Owner;
  /** Labels of what the publisher took, in order. */
  readonly taken: string[] = [];
  #nextCounter = 1;
  readonly gaps: string[] = [];

  constructor(sources: readonly Source[], manner: Manner) {
    this.#sources = sources;
    this.#owner = this.#newOwner(manner);
  }

  get isFinished(): boolean {
    return this.#owner.at >= this.#sources.length;
  }

  get hasLatePublish(): boolean {
    return this.#inFlight.length > 0;
  }

  /** The owner does the next thing: reads the tail, publishes, or goes on to the next source. */
  step(fate: Fate): void {
    const { chain, manner } = this.#owner;
    const source = this.#sources[this.#owner.at];
    if (!source) return;
    if (!chain.knowsTail) {
      chain.adoptTail(this.#tail());
      return;
    }
    this.#owner.work ??= workOf(source, manner, chain.doneOf(source.sequence));
    const emission = chain.next(this.#owner.work, { maxBytes: 1e9, maxMessages: manner.maxMessages });
    if (emission) this.#publish(chain, emission, fate);
    else {
      chain.finished(source.sequence);
      this.#owner.at += 1;
      this.#owner.work = undefined;
    }
  }

  crash(manner: Manner): void {
    this.#owner = this.#newOwner(manner);
  }

  /** The owner writes its record. */
  writeRecord(): void {
    this.#record = this.#owner.chain.progress;
  }

  /** The publisher has settled everything, and purges what the record has passed. */
  purge(): void {
    const { s = 0, p = 0 } = this.#record ?? {};
    this.#subject = this.#subject.filter(({ emission: { source } }) => {
      const isPassed = source.sequence < s || (source.sequence === s && source.part <= p);
      return !isPassed;
    });
  }

  /** A publish that was on its way reaches the server. */
  landLate(): void {
    const emission = this.#inFlight.shift();
    if (emission) this.#store(emission);
  }

  #newOwner(manner: Manner): Owner {
    const chain = new Chain(this.#record);
    chain.begin('A', 'fleet');
    return { chain, manner, at: 0, work: undefined };
  }

  #publish(chain: Chain, emission: Emission, fate: Fate): void {
    if (fate === 'late') this.#inFlight.push(emission);
    const sequence = fate === 'acknowledged' || fate === 'stored_unheard' ? this.#store(emission) : undefined;
    if (fate === 'acknowledged' && sequence !== undefined) chain.emitted(emission, sequence);
    else chain.adoptTail(this.#tail());
  }

  /** Undefined: refused, it is not the last sequence. */
  #store(emission: Emission): number | undefined {
    if (emission.expectLast !== (this.#subject.at(-1)?.sequence ?? 0)) return undefined;
    this.#lastSequence += 1;
    this.#subject.push({ sequence: this.#lastSequence, emission });
    for (const [index, message] of emission.messages.entries()) this.#take(emission.first + index, label(message));
    return this.#lastSequence;
  }

  #take(counter: number, text: string): void {
    if (counter < this.#nextCounter) return;
    if (counter > this.#nextCounter) this.gaps.push(`${this.#nextCounter} to ${counter - 1} before ${text}`);
    this.#nextCounter = counter + 1;
    this.taken.push(text);
  }

  #tail(): Tail | undefined {
    const last = this.#subject.at(-1);
    if (!last) return undefined;
    const { messages, expectLast: _expectLast, unitsDone: _unitsDone, ...batch } = last.emission;
    return { sequence: last.sequence, ...batch, count: messages.length };
  }
}

export function workOf(source: Source, manner: Manner, done: number): SourceWork {
  const units: Unit[] = [];
  const metadata = done < 1 ? manner.metadata : 0;
  for (let index = 0; index < metadata; index += 1) {
    units.push(unit(index === metadata - 1 ? 1 : 0, ['metadata']));
  }
  for (let reading = 0; reading < source.readings; reading += 1) {
    const count = manner.messagesPerReading;
    const labels = Array.from({ length: count }, (_, at) => `${source.sequence}.${reading} ${at + 1}/${count}`);
    units.push(unit(reading + 2, labels));
  }
  return { sequence: source.sequence, steps: source.readings + 1, units };
}

function unit(step: number, labels: readonly string[]): Unit {
  const messages = labels.map((text) => ({ topic: 't', payload: Buffer.from(text), retain: false }));
  return { step, messages, bytes: messages.length };
}
