import { isGatecastError } from '@gatecast/shared/errors';
import type { Logger } from '@gatecast/shared/logging';
import type { MeasurementRequest, SensorInfo, SensorsRecord } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { MqttMessage } from '@gatecast/shared/outbox';
import { measurementBody } from '../domain/measurement-body.ts';
import { type AnnouncedRecord, type MetadataPlan, planMetadata } from '../domain/metadata.ts';
import { withOwnWords } from '../domain/own-words.ts';
import type { RecentReadings } from '../domain/recent-readings.ts';
import {
  encodeReadings,
  METADATA_STEP,
  metadataUnits,
  type RefusedReading,
  type RepeatTest,
  readyUnits,
  rememberReadings,
  type SourceWork,
  stepsOf,
  stepsOfMessages,
  type Unit,
} from '../domain/source-work.ts';
import type { LineSettings } from './gateway-line.ts';
import type { Persistence } from './persistence.ts';
import type { AnnouncedStore, DeadLetterPort, Observer, SensorDirectory, SourceMessage } from './ports.ts';

export interface SourcePreparerOptions {
  readonly sensors: SensorDirectory;
  readonly announced: AnnouncedStore;
  readonly deadLetters: DeadLetterPort;
  readonly recent: RecentReadings;
  readonly persistence: Persistence;
  readonly observer: Observer;
  readonly log: Logger;
  /** A reading whose messages take more bytes fits no message of NATS. */
  readonly maxReadingBytes: number;
}

export interface PreparedSource {
  readonly work: SourceWork;
  /** To be called when all of the work is in the outbox. */
  completed(): Promise<void>;
}

interface MetadataStep {
  readonly units: Unit[];
  completed(): Promise<void>;
}

const NO_METADATA: MetadataStep = { units: [], completed: async () => {} };

/** Makes of a batch what is to be emitted of it, with everything that comes before: own words, metadata, dead letters. */
export class SourcePreparer {
  readonly #options: SourcePreparerOptions;
  /** By gateway: the revisions that its metadata was announced, or found announced, at. */
  readonly #announcedAt = new Map<string, string>();

  constructor(options: SourcePreparerOptions) {
    this.#options = options;
  }

  /** Undefined: the integration is disabled. `done`: steps that were emitted before. */
  async prepare(
    source: SourceMessage,
    request: MeasurementRequest,
    settings: LineSettings,
    done: number,
  ): Promise<PreparedSource | undefined> {
    const { recent, observer, maxReadingBytes } = this.#options;
    const { incarnation } = settings.record.value;
    const sensors = await this.#mergeOwnWords(source, incarnation, request);
    if (!settings.integration.enabled) {
      rememberReadings(request, incarnation, recent);
      return undefined;
    }
    const metadata = done < METADATA_STEP ? await this.#metadataOf(source.gatewayId, settings, sensors) : NO_METADATA;
    const sensorOf = (id: string) => ownSensor(sensors?.value, incarnation, id);
    const isRepeat = repeatTest(source, incarnation, recent);
    const encoded = encodeReadings(request, done, settings.encoder, sensorOf, isRepeat, maxReadingBytes);
    await this.#setAside(source, request, settings, encoded.refused);
    observer.readings(encoded.units.length);
    observer.repeats(encoded.repeats);
    const units = [...metadata.units, ...encoded.units];
    return {
      work: { sequence: source.sequence, steps: stepsOf(request), units },
      completed: metadata.completed,
    };
  }

  /** Messages that are ready: they go out as they are. Undefined: the integration is disabled. */
  preparePassedOn(
    source: SourceMessage,
    messages: readonly MqttMessage[],
    settings: LineSettings,
  ): PreparedSource | undefined {
    if (!settings.integration.enabled) return undefined;
    const work = { sequence: source.sequence, steps: stepsOfMessages(messages), units: readyUnits(messages) };
    return { work, completed: NO_METADATA.completed };
  }

  async #mergeOwnWords(
    { gatewayId, envelope }: SourceMessage,
    incarnation: string,
    request: MeasurementRequest,
  ): Promise<Revisioned<SensorsRecord> | undefined> {
    const { sensors, persistence } = this.#options;
    const known = sensors.known(gatewayId);
    // Without the gateway, it was config-api that has just changed something: the view may not show it yet.
    const isFromGateway = envelope.kind === 'readable' && envelope.isFromGateway;
    if (isFromGateway && withOwnWords(known?.value, incarnation, request) === known?.value) return known;
    return await persistence.untilDone('recording what a gateway said of its sensors', () =>
      sensors.change(gatewayId, (record) => withOwnWords(record, incarnation, request)),
    );
  }

  /** What to announce before the readings; nothing as long as neither settings nor sensors have changed. */
  async #metadataOf(
    gatewayId: string,
    { record, integration }: LineSettings,
    sensors: Revisioned<SensorsRecord> | undefined,
  ): Promise<MetadataStep> {
    const { announced, persistence, observer } = this.#options;
    const revisions = `${record.revision}/${sensors?.revision ?? 0}`;
    if (this.#announcedAt.get(gatewayId) === revisions) return NO_METADATA;
    const found = await persistence.untilDone('reading what was announced', () => announced.get(gatewayId));
    const { incarnation, name } = record.value;
    const isOwn = sensors?.value.incarnation === incarnation;
    const plan = planMetadata(
      { gatewayId, incarnation, gatewayName: name, integration, sensors: isOwn ? sensors.value.sensors : {} },
      found?.value,
    );
    observer.metadataRefused(plan.refused);
    return {
      units: metadataUnits(plan.messages),
      completed: async () => {
        if (await this.#recordAnnounced(gatewayId, plan, found)) this.#announcedAt.set(gatewayId, revisions);
      },
    };
  }

  /** False: another encoder wrote meanwhile; the next batch compares again. */
  async #recordAnnounced(
    gatewayId: string,
    { announced }: MetadataPlan,
    found: Revisioned<AnnouncedRecord> | undefined,
  ): Promise<boolean> {
    const { persistence, announced: store } = this.#options;
    if (!announced) return true;
    return await persistence.untilDone('recording what was announced', async () => {
      try {
        await (found ? store.update(gatewayId, announced, found.revision) : store.create(gatewayId, announced));
        return true;
      } catch (error) {
        if (isGatecastError(error, 'REVISION_CONFLICT')) return false;
        throw error;
      }
    });
  }

  /** Readings that cannot be encoded, grouped by reason, as requests that could be sent in again. */
  async #setAside(
    source: SourceMessage,
    request: MeasurementRequest,
    { record }: LineSettings,
    refused: readonly RefusedReading[],
  ): Promise<void> {
    const { deadLetters, persistence, observer, log } = this.#options;
    for (const [reason, readings = []] of Map.groupBy(refused, (one) => one.reason)) {
      const indexes = readings.map(({ index }) => index);
      const letter = { fleet: record.value.fleet, source, reason, body: measurementBody(request, indexes) };
      await persistence.untilDone('setting readings aside', () => deadLetters.setAside(letter));
      observer.deadLetter(reason, readings.length);
      const details = { gatewayId: source.gatewayId, sequence: source.sequence, reason, readings: readings.length };
      log.warn({ ...details, err: readings[0]?.cause }, 'readings cannot be encoded, set aside');
    }
  }
}

/** What was a dead letter comes a second time by somebody's will; it is remembered like any other. */
function repeatTest({ envelope }: SourceMessage, incarnation: string, recent: RecentReadings): RepeatTest {
  const isRequeued = envelope.kind === 'readable' && envelope.isRequeued;
  return (sensorId, timeMs) => recent.isRepeat(incarnation, sensorId, timeMs) && !isRequeued;
}

function ownSensor(record: SensorsRecord | undefined, incarnation: string, id: string): SensorInfo | undefined {
  if (record?.incarnation !== incarnation || !Object.hasOwn(record.sensors, id)) return undefined;
  return record.sensors[id];
}
