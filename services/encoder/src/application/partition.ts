import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { EncoderCheckpoint, GatewayEncoderPosition, GatewayRecord } from '@gatecast/shared/model';
import { ALL_FLEETS, keys, type Revisioned } from '@gatecast/shared/nats';
import type { Lease } from '@gatecast/shared/ownership';
import type { BatchLimits } from '../domain/chain.ts';
import { parseMeasurements } from '../domain/measurement-body.ts';
import { RecentReadings } from '../domain/recent-readings.ts';
import { SourcePositions } from '../domain/source-positions.ts';
import { rememberReadings } from '../domain/source-work.ts';
import { GatewayLine, type LineContext } from './gateway-line.ts';
import { Persistence } from './persistence.ts';
import type {
  AnnouncedStore,
  DeadLetterPort,
  GatewayDirectory,
  Observer,
  OutboxPort,
  ReadingsPort,
  SensorDirectory,
  SourceMessage,
  TracerPort,
} from './ports.ts';
import { ReadAhead } from './read-ahead.ts';
import { claimRecord, RecordKeeper, type RecordKeeperOptions } from './record-keeper.ts';
import { replayStart } from './replay-start.ts';
import { SourcePreparer } from './source-preparer.ts';

export interface EncoderPorts {
  readonly readings: ReadingsPort;
  readonly outbox: OutboxPort;
  readonly deadLetters: DeadLetterPort;
  readonly gateways: GatewayDirectory;
  readonly sensors: SensorDirectory;
  readonly announced: AnnouncedStore;
  readonly checkpoints: RecordKeeperOptions['store'];
  readonly tracer: TracerPort;
  readonly observer: Observer;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

export interface EncoderLimits {
  readonly batch: BatchLimits;
  /** Read and not yet encoded, bytes per partition. */
  readonly readAheadBytes: number;
  /** Time between two writes of a partition's record, ms. */
  readonly recordIntervalMs: number;
  /** How long repeats are recognised across a takeover, and READINGS is kept behind the position, ms. */
  readonly lookBackMs: number;
  /** Messages of a partition that a takeover reads again for that. */
  readonly maxReplayMessages: number;
  /** Sensors of a partition whose recent readings are remembered. */
  readonly maxSensors: number;
}

/** What a pull request counts of a message beside its payload: subjects and headers. */
const ENVELOPE_BYTES = 64 * 1024;

/**
 * - `claiming`: asking for the record.
 * - `replaying`: reading the look-back, which is only remembered.
 * - `live`: encoding.
 * - `stale`: a later owner has written the record; nothing is done any more.
 * - `stopped`: the partition was given up.
 */
export type PartitionState = 'claiming' | 'replaying' | 'live' | 'stale' | 'stopped';

/** One partition, for as long as this process owns it: its record, its reader, and a line for every gateway. */
export class Partition {
  readonly partition: number;
  readonly #ports: EncoderPorts;
  readonly #limits: EncoderLimits;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  readonly #persistence: Persistence;
  readonly #recordKey: string;
  readonly #lines = new Map<string, GatewayLine>();
  readonly #entries = new Map<string, GatewayEncoderPosition>();
  readonly #readAhead: ReadAhead;
  readonly #recent: RecentReadings;
  readonly #lineContext: LineContext;
  #lease: Lease;
  #state: PartitionState = 'claiming';
  #positions = new SourcePositions(0);
  #keeper: RecordKeeper | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(partition: number, lease: Lease, ports: EncoderPorts, limits: EncoderLimits) {
    this.partition = partition;
    this.#lease = lease;
    this.#ports = ports;
    this.#limits = limits;
    this.#recordKey = keys.checkpoint('encoder', ALL_FLEETS, partition);
    const { clock, random, outbox } = ports;
    const signal = this.#abort.signal;
    this.#log = ports.log.child({ partition });
    this.#persistence = new Persistence({ clock, random, log: this.#log, signal });
    this.#readAhead = new ReadAhead(limits.readAheadBytes, outbox.maxMessageBytes + ENVELOPE_BYTES, signal);
    this.#recent = new RecentReadings(limits.maxSensors);
    this.#lineContext = this.#createLineContext(signal);
  }

  get state(): PartitionState {
    return this.#state;
  }

  /** Whether the record is ours. While the look-back is read nothing is encoded yet, and of a silent partition nothing is to come. */
  get isServed(): boolean {
    return this.#state === 'live' || this.#state === 'replaying';
  }

  get isAborted(): boolean {
    return this.#abort.signal.aborted;
  }

  /** When the oldest message that is read and not done was accepted, ms since the epoch. */
  get oldestAcceptedAt(): number | undefined {
    return this.#positions.oldest?.acceptedAt;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Ends everything that can wait; what is in flight goes on until {@link stop} or {@link drain} has waited for it. */
  abort(): void {
    this.#abort.abort();
  }

  /** Lets go: nothing is written any more. */
  async stop(): Promise<void> {
    await this.#settle();
    await this.#keeper?.stop();
  }

  /** Gives up in order: what is in flight is finished and recorded. */
  async drain(): Promise<void> {
    await this.#settle();
    await this.#keeper?.finish();
  }

  /**
   * Goes on under a later lease of this process. False: that is not possible, somebody else had the partition meanwhile
   * or this one has not got it yet.
   */
  async reclaim(lease: Lease): Promise<boolean> {
    const keeper = this.#keeper;
    if (!keeper || !this.isServed) return false;
    const isOurs = await this.#persistence.untilDone('claiming the record again', () => keeper.reclaim(lease.epoch));
    if (isOurs) this.#lease = lease;
    return isOurs;
  }

  /** Moves the position of an idle partition to `lastSequence` of the stream, which all partitions share. */
  async passIdle(lastSequence: number): Promise<void> {
    const { position, outstanding } = this.#positions;
    if (lastSequence < position) {
      this.#log.error(
        { position, lastSequence },
        'READINGS ends before the recorded position: it is not the same stream',
      );
    }
    if (!this.#keeper || outstanding > 0 || lastSequence <= position) return;
    if (await this.#ports.readings.hasAfter(this.partition, position)) return;
    if (this.#positions.passTo(lastSequence)) this.#keeper.changed();
  }

  /** A gateway that has moved and sends nothing is told from the others by the record; what announced it may be lost. */
  endLeftLine({ gatewayId, incarnation, moves = 0 }: GatewayRecord): void {
    if (!this.isServed) return;
    const entry = this.#entries.get(gatewayId);
    if (entry?.i === incarnation && (entry.g ?? 0) >= moves) return;
    this.#lineOf(gatewayId).endLeftLine(incarnation);
  }

  /** Removes the entries of gateways that are deleted, and were last heard of before the look-back. */
  async forgetDeleted(): Promise<void> {
    const { gateways, clock } = this.#ports;
    const before = clock.now() - this.#limits.lookBackMs;
    for (const [gatewayId, entry] of this.#entries) {
      if ((entry.t ?? 0) >= before || entry.s > this.#positions.position) continue;
      if (gateways.known(gatewayId)?.value.incarnation === entry.i) continue;
      // The view may be behind. A wrong guess would make the gateway's counter start again.
      if ((await gateways.ask(gatewayId))?.value.incarnation === entry.i) continue;
      const isInUse = this.#entries.get(gatewayId) !== entry || this.#lines.get(gatewayId)?.isIdle === false;
      if (isInUse) continue;
      this.#entries.delete(gatewayId);
      this.#lines.delete(gatewayId);
      this.#keeper?.changed();
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    try {
      const claimed = await this.#persistence.untilDone('claiming the record', () =>
        claimRecord(this.#ports.checkpoints, this.#recordKey, this.#lease.epoch),
      );
      if (claimed) await this.#follow(claimed);
      else this.#becomeStale();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #follow(claimed: Revisioned<EncoderCheckpoint>): Promise<void> {
    this.#adopt(claimed);
    const { readings } = this.#ports;
    const { lookBackMs, maxReplayMessages: maxMessages } = this.#limits;
    const position = claimed.value.seq;
    const { from, messages: replayed } = await this.#persistence.untilDone('finding where to read from', () =>
      replayStart(readings, this.partition, position, { lookBackMs, maxMessages }),
    );
    this.#state = replayed > 0 ? 'replaying' : 'live';
    this.#log.debug({ epoch: this.#lease.epoch, position, replayed }, 'partition claimed');
    const { signal } = this.#abort;
    const room = () => this.#readAhead.room();
    const mayGoOn = () => this.#lease.confirm();
    const { partition } = this;
    let remembered = 0;
    for await (const message of readings.follow({ partition, epoch: this.#lease.epoch, from, room, mayGoOn, signal })) {
      if (signal.aborted) return;
      if (message.sequence > position) {
        this.#accept(message);
        continue;
      }
      this.#remember(message);
      remembered += 1;
      if (remembered === replayed) this.#state = 'live';
    }
  }

  #adopt({ value, revision }: Revisioned<EncoderCheckpoint>): void {
    const { checkpoints: store, clock, observer } = this.#ports;
    this.#positions = new SourcePositions(value.seq);
    for (const [gatewayId, entry] of Object.entries(value.gateways)) this.#entries.set(gatewayId, entry);
    this.#keeper = new RecordKeeper(
      {
        store,
        key: this.#recordKey,
        intervalMs: this.#limits.recordIntervalMs,
        clock,
        log: this.#log,
        observer,
        snapshot: () => ({ seq: this.#positions.position, gateways: Object.fromEntries(this.#entries) }),
        onStale: () => this.#becomeStale(),
      },
      { value, revision },
    );
  }

  #remember({ envelope, body }: SourceMessage): void {
    if (envelope.kind !== 'readable' || envelope.content !== 'measurements') return;
    const request = parseMeasurements(body);
    if (request) rememberReadings(request, envelope.incarnation, this.#recent);
  }

  #accept(message: SourceMessage): void {
    this.#state = 'live';
    const bytes = message.body.byteLength;
    const taken = this.#positions.take(message.sequence, message.acceptedAt);
    this.#readAhead.take(bytes);
    this.#lineOf(message.gatewayId).push(message, () => {
      this.#positions.done(taken);
      this.#readAhead.release(bytes);
      this.#keeper?.changed();
    });
  }

  #lineOf(gatewayId: string): GatewayLine {
    let line = this.#lines.get(gatewayId);
    if (!line) {
      line = new GatewayLine(gatewayId, this.#entries.get(gatewayId), this.#lineContext);
      this.#lines.set(gatewayId, line);
    }
    return line;
  }

  #createLineContext(signal: AbortSignal): LineContext {
    const { gateways, outbox, deadLetters, tracer, observer, sensors, announced } = this.#ports;
    const persistence = this.#persistence;
    const recent = this.#recent;
    const maxBytes = Math.min(this.#limits.batch.maxBytes, outbox.maxMessageBytes);
    return {
      partition: this.partition,
      ...{ gateways, outbox, deadLetters, tracer, observer, persistence, recent, signal },
      limits: { ...this.#limits.batch, maxBytes },
      preparer: new SourcePreparer({
        ...{ sensors, announced, deadLetters, recent, persistence, observer },
        log: this.#log,
        maxReadingBytes: outbox.maxMessageBytes,
      }),
      isOwner: () => this.#lease.isValid(),
      progressed: (line) => {
        const { progress } = line;
        if (progress) this.#entries.set(line.gatewayId, progress);
        this.#keeper?.changed();
      },
    };
  }

  #becomeStale(): void {
    this.#state = 'stale';
    this.#log.warn({ epoch: this.#lease.epoch }, 'not the latest owner of the partition; doing nothing for it');
    this.#abort.abort();
    this.#lease.giveUp();
  }

  async #settle(): Promise<void> {
    this.#abort.abort();
    this.#state = 'stopped';
    await this.#running;
    await Promise.all(Array.from(this.#lines.values(), (line) => line.settled()));
  }
}
