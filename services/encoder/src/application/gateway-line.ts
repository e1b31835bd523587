import { completeIntegration, type GatewayRecord, type Integration } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import { type BatchLimits, Chain, type ChainStart } from '../domain/chain.ts';
import { createEncoder, type Encoder } from '../domain/formats/encoder.ts';
import { parseMeasurements, parseMessages } from '../domain/measurement-body.ts';
import type { RecentReadings } from '../domain/recent-readings.ts';
import { rememberReadings, type SourceWork, stepsOf, stepsOfMessages } from '../domain/source-work.ts';
import { ChainPublisher, type ChainPublisherContext } from './chain-publisher.ts';
import type {
  BatchOutcome,
  BatchTrace,
  DeadLetterPort,
  GatewayDirectory,
  OutboxLine,
  ReadableEnvelope,
  SourceMessage,
  TracerPort,
} from './ports.ts';
import type { PreparedSource, SourcePreparer } from './source-preparer.ts';

export interface LineContext extends ChainPublisherContext {
  readonly partition: number;
  readonly gateways: GatewayDirectory;
  readonly deadLetters: DeadLetterPort;
  readonly tracer: TracerPort;
  readonly limits: BatchLimits;
  readonly recent: RecentReadings;
  readonly preparer: SourcePreparer;
  /** The gateway's progress has changed. */
  readonly progressed: (line: GatewayLine) => void;
}

/** A gateway's settings in the form that batches are encoded with. */
export interface LineSettings {
  readonly record: Revisioned<GatewayRecord>;
  readonly integration: Integration;
  readonly encoder: Encoder;
}

/** Where a batch goes, and by which settings. */
interface Target {
  readonly record: Revisioned<GatewayRecord>;
  readonly line: OutboxLine;
}

interface Queued {
  readonly source: SourceMessage;
  readonly done: () => void;
}

/** The end of a line is nobody's reading. */
const NO_TRACE: BatchTrace = { inject() {}, end() {} };
/** Stands in subjects for the fleet of a gateway that is not registered. */
const NO_FLEET = '_';

/**
 * One gateway's batches, strictly in order, one publish in flight. What goes wrong here, a full outbox for one, holds
 * this gateway back and no other.
 */
export class GatewayLine {
  readonly gatewayId: string;
  readonly #context: LineContext;
  readonly #chain: Chain;
  readonly #publisher: ChainPublisher;
  readonly #queue: Queued[] = [];
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();
  #settings: LineSettings | undefined;
  #formerIncarnation: string | undefined;
  #heardAt: number | undefined;

  constructor(gatewayId: string, start: (ChainStart & { t?: number }) | undefined, context: LineContext) {
    this.gatewayId = gatewayId;
    this.#context = context;
    this.#chain = new Chain(start);
    this.#publisher = new ChainPublisher(this.#chain, context, () => context.progressed(this));
    this.#heardAt = start?.t;
  }

  get progress() {
    const progress = this.#chain.progress;
    return progress && { ...progress, ...(this.#heardAt === undefined ? {} : { t: this.#heardAt }) };
  }

  get isIdle(): boolean {
    return !this.#isRunning;
  }

  /** Resolves when nothing is under way: with an aborted signal that is after the publish in flight. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** `done` is called when nothing more is to come of `source`. */
  push(source: SourceMessage, done: () => void): void {
    this.#queue.push({ source, done });
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#running = this.#run();
  }

  /**
   * Ends the line of the fleet that the gateway has left, as its next batch would. Unless one is under way: then it does.
   * @param incarnation of the registration that has moved
   */
  endLeftLine(incarnation: string): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    // The leader is asked: the view may show a registration that is gone.
    this.#running = this.#run(() => this.#targetOf({ incarnation, isFromGateway: false }));
  }

  async #run(before?: () => Promise<unknown>): Promise<void> {
    const { signal, observer, progressed } = this.#context;
    try {
      await before?.();
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        signal.throwIfAborted();
        observer.batch(await this.#process(next.source));
        this.#chain.finished(next.source.sequence);
        progressed(this);
        next.done();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      // In the same turn as the last look at the queue: what is pushed after that starts a new run.
      this.#isRunning = false;
    }
  }

  async #process(source: SourceMessage): Promise<BatchOutcome> {
    const { envelope } = source;
    if (envelope.kind === 'unreadable') return await this.#setAside(source, envelope.reason, undefined);
    const target = await this.#targetOf(envelope);
    if (!target) return 'former_incarnation';
    if (envelope.isFromGateway) this.#heardAt = Math.max(this.#heardAt ?? 0, source.acceptedAt);
    return envelope.content === 'messages'
      ? await this.#passOn(source, envelope, target)
      : await this.#encode(source, envelope, target);
  }

  async #encode(source: SourceMessage, envelope: ReadableEnvelope, target: Target): Promise<BatchOutcome> {
    const request = parseMeasurements(source.body);
    if (!request) return await this.#setAside(source, 'payload_malformed', target.record);
    const done = this.#chain.doneOf(source.sequence);
    if (done >= stepsOf(request)) {
      rememberReadings(request, envelope.incarnation, this.#context.recent);
      return 'known';
    }
    const settings = this.#settingsOf(target.record);
    const prepare = () => this.#context.preparer.prepare(source, request, settings, done);
    return (await this.#publish(source, envelope, target, prepare)) ?? 'encoded';
  }

  /** Messages that were set aside when they were ready already. */
  async #passOn(source: SourceMessage, envelope: ReadableEnvelope, target: Target): Promise<BatchOutcome> {
    const messages = parseMessages(source.body);
    if (!messages) return await this.#setAside(source, 'payload_malformed', target.record);
    if (this.#chain.doneOf(source.sequence) >= stepsOfMessages(messages)) return 'known';
    const settings = this.#settingsOf(target.record);
    const prepare = async () => this.#context.preparer.preparePassedOn(source, messages, settings);
    return (await this.#publish(source, envelope, target, prepare)) ?? 'passed_on';
  }

  /** Undefined once all of it is in the outbox; else why nothing (more) of it is published. */
  async #publish(
    source: SourceMessage,
    envelope: ReadableEnvelope,
    target: Target,
    prepare: () => Promise<PreparedSource | undefined>,
  ): Promise<'disabled' | 'former_incarnation' | undefined> {
    const trace = this.#context.tracer.begin(source);
    try {
      const prepared = await prepare();
      if (!prepared) return 'disabled';
      if (!(await this.#emit(prepared.work, target, envelope, trace))) return 'former_incarnation';
      await prepared.completed();
      return undefined;
    } finally {
      trace.end();
    }
  }

  /**
   * The gateway's record, if it is the registration that the batch was accepted under; undefined: that one is gone. The
   * view may be behind the ingest's, so what it does not know is asked of the leader, once; and behind config-api's, whose
   * message says that something has just changed.
   */
  async #registrationOf(incarnation: string, mayBeKnown: boolean): Promise<Revisioned<GatewayRecord> | undefined> {
    const { gateways, persistence } = this.#context;
    if (incarnation === this.#formerIncarnation) return undefined;
    const known = gateways.known(this.gatewayId);
    const { moves } = this.#chain;
    if (mayBeKnown && known?.value.incarnation === incarnation && (known.value.moves ?? 0) >= moves) return known;
    const current = await persistence.untilDone('reading the registration', () => gateways.ask(this.gatewayId));
    if (current?.value.incarnation === incarnation) return current;
    this.#formerIncarnation = incarnation;
    return undefined;
  }

  /** The registration and its line, whose tail is known, and whose predecessor is closed; undefined: that one is gone. */
  async #targetOf({
    incarnation,
    isFromGateway,
  }: Pick<ReadableEnvelope, 'incarnation' | 'isFromGateway'>): Promise<Target | undefined> {
    for (let mayBeKnown = isFromGateway; ; mayBeKnown = false) {
      const record = await this.#registrationOf(incarnation, mayBeKnown);
      if (!record) return undefined;
      const { fleet, movedFrom, moves = 0 } = record.value;
      if (movedFrom !== undefined && moves > 0) await this.#leave(incarnation, movedFrom, record);
      const line = this.#lineIn(fleet);
      this.#begin(incarnation, fleet);
      if (!this.#chain.knowsTail) await this.#publisher.readTail(line);
      if (!this.#chain.isEnded) return { record, line };
      // Another encoder has closed it: what is known here of the registration is old.
    }
  }

  /**
   * Closes the line of the fleet that the gateway has left, unless that was done. A crash at any point is taken up by the
   * next owner: the end is found, or written once more, before anything gets into the next line.
   */
  async #leave(incarnation: string, fleet: string, { value, revision }: Revisioned<GatewayRecord>): Promise<void> {
    const { observer, progressed } = this.#context;
    const { moves = 0 } = value;
    if (this.#chain.progress?.i === incarnation && this.#chain.moves >= moves) return;
    const line = this.#lineIn(fleet);
    this.#begin(incarnation, fleet);
    if (!this.#chain.knowsTail) await this.#publisher.readTail(line);
    await this.#publisher.publishAll(() => this.#chain.ending(value.fleet), line, revision, NO_TRACE);
    this.#chain.moved(moves);
    observer.lineMoved();
    progressed(this);
  }

  #lineIn(fleet: string): OutboxLine {
    return { fleet, partition: this.#context.partition, gatewayId: this.gatewayId };
  }

  /** From a registration there is no way back to the one before, whatever a lagging view says. */
  #begin(incarnation: string, fleet: string): void {
    const before = this.#chain.progress?.i;
    if (before !== incarnation) this.#formerIncarnation = before;
    this.#chain.begin(incarnation, fleet);
  }

  #settingsOf(record: Revisioned<GatewayRecord>): LineSettings {
    if (this.#settings?.record.revision !== record.revision) {
      const integration = completeIntegration(this.gatewayId, record.value.mqtt);
      const context = { gatewayId: this.gatewayId, gatewayName: record.value.name, integration };
      this.#settings = { record, integration, encoder: createEncoder(context) };
    }
    return this.#settings;
  }

  /** Publishes what is left of `work`, wherever the gateway's line goes meanwhile. False: its registration is gone. */
  async #emit(work: SourceWork, target: Target, envelope: ReadableEnvelope, trace: BatchTrace): Promise<boolean> {
    const { limits } = this.#context;
    const { revision } = target.record;
    let line: OutboxLine | undefined = target.line;
    while (line && !(await this.#publisher.publishAll(() => this.#chain.next(work, limits), line, revision, trace))) {
      line = (await this.#targetOf(envelope))?.line;
    }
    return line !== undefined;
  }

  async #setAside(
    source: SourceMessage,
    reason: 'schema_unknown' | 'headers_malformed' | 'payload_malformed',
    record: Revisioned<GatewayRecord> | undefined,
  ): Promise<BatchOutcome> {
    const { deadLetters, persistence, observer, gateways } = this.#context;
    const fleet = (record ?? gateways.known(this.gatewayId))?.value.fleet ?? NO_FLEET;
    const letter = { fleet, source, reason, body: source.body };
    await persistence.untilDone('setting a batch aside', () => deadLetters.setAside(letter));
    observer.deadLetter(reason, 0);
    return 'set_aside';
  }
}
