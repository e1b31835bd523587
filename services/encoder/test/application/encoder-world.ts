import { createLogger } from '@gatecast/shared/logging';
import type {
  EncoderCheckpoint,
  GatewayRecord,
  IntegrationSettings,
  MeasurementRequest,
  SensorsRecord,
} from '@gatecast/shared/model';
import type { Lease } from '@gatecast/shared/ownership';
import { InMemoryKv, ManualClock } from '@gatecast/shared/testing';
import { KvGatewayDirectory, KvSensorDirectory } from '../../src/adapters/nats/directories.ts';
import type { EncoderLimits, EncoderPorts } from '../../src/application/partition.ts';
import type { DeadLetter, Observer } from '../../src/application/ports.ts';
import type { AnnouncedRecord } from '../../src/domain/metadata.ts';
import { FakeOutbox } from './fake-outbox.ts';
import { FakeReadings } from './fake-readings.ts';

export const LIMITS: EncoderLimits = {
  batch: { maxBytes: 256 * 1024, maxMessages: 500 },
  readAheadBytes: 4 * 1024 * 1024,
  recordIntervalMs: 250,
  lookBackMs: 3_600_000,
  maxReplayMessages: 1_000,
  maxSensors: 1_000,
};

/** Everything around the encoder, in memory, with a clock that the test moves. */
export class EncoderWorld {
  readonly clock = new ManualClock();
  readonly readings = new FakeReadings();
  readonly outbox = new FakeOutbox();
  readonly integrations = new InMemoryKv<GatewayRecord>();
  readonly sensors = new InMemoryKv<SensorsRecord>();
  readonly announced = new InMemoryKv<AnnouncedRecord>();
  readonly checkpoints = new InMemoryKv<EncoderCheckpoint>();
  readonly letters: (Omit<DeadLetter, 'source' | 'body'> & { body: string })[] = [];
  readonly observed: unknown[][] = [];
  /** How often the leader was asked for a registration. */
  asked = 0;
  readonly ports: EncoderPorts;
  #registrations = 0;
  #sent = 0;

  constructor() {
    const gateways = new KvGatewayDirectory(this.integrations.view, {
      get: (key) => {
        this.asked += 1;
        return this.integrations.get(key);
      },
    });
    this.ports = {
      readings: this.readings,
      outbox: this.outbox,
      gateways,
      sensors: new KvSensorDirectory(this.sensors.view, this.sensors),
      announced: this.announced,
      checkpoints: this.checkpoints,
      deadLetters: {
        setAside: async ({ fleet, reason, body }) => {
          this.letters.push({ fleet, reason, body: Buffer.from(body).toString() });
        },
      },
      tracer: { begin: () => ({ inject() {}, end() {} }) },
      observer: this.#observer(),
      clock: this.clock,
      random: () => 1,
      log: createLogger({ service: 'encoder', instance: 'test', level: 'silent' }),
    };
  }

  /** Registers a gateway anew. Resolves to its incarnation. */
  async register(gatewayId: string, mqtt: IntegrationSettings = {}, fleet = 'default'): Promise<string> {
    this.#registrations += 1;
    const incarnation = `life-${this.#registrations}`;
    const record = { gatewayId, workspace: 'ws', fleet, incarnation, createdAt: '', ingestTokenHash: '' };
    await this.integrations.delete(gatewayId);
    await this.integrations.create(gatewayId, { ...record, mqtt: { host: 'broker.example', ...mqtt } });
    return incarnation;
  }

  /** Moves a gateway to another fleet, as config-api does; `announce`: and says so with an empty batch. */
  async move(gatewayId: string, fleet: string, { announce = true } = {}): Promise<void> {
    const found = await this.integrations.get(gatewayId);
    if (!found) throw new Error('no such gateway');
    const { value, revision } = found;
    const moved = { ...value, fleet, movedFrom: value.fleet, moves: (value.moves ?? 0) + 1 };
    await this.integrations.update(gatewayId, moved, revision);
    if (!announce) return;
    const { incarnation } = value;
    const envelope = {
      kind: 'readable',
      incarnation,
      content: 'measurements',
      isFromGateway: false,
      isRequeued: false,
    } as const;
    this.readings.append(gatewayId, { measurements: [] }, { partition: 0, time: this.clock.now(), envelope });
  }

  /** A batch with one reading, whose value is `n`. Returns its sequence in READINGS. */
  send(gatewayId: string, incarnation: string, n: number, partition = 0): number {
    const measurements = [{ sensorId: 'S', time: n, values: { n: `${n}` } }];
    return this.sendRequest(gatewayId, incarnation, { measurements }, partition);
  }

  sendRequest(gatewayId: string, incarnation: string, request: MeasurementRequest | string, partition = 0): number {
    this.#sent += 1;
    const envelope = {
      kind: 'readable',
      incarnation,
      content: 'measurements',
      isRequeued: false,
      isFromGateway: true,
    } as const;
    return this.readings.append(gatewayId, request, { partition, time: this.clock.now() + this.#sent, envelope });
  }

  /** The values of the measurements in the outbox. */
  values(gatewayId: string, fleet = 'default'): number[] {
    return this.outbox.texts(gatewayId, fleet).flatMap((text) => {
      const value = text.startsWith('{') && (JSON.parse(text) as { n?: string }).n;
      return value ? [Number(value)] : [];
    });
  }

  count(event: keyof Observer, argument?: unknown): number {
    return this.observed.filter(([name, first]) => name === event && (argument === undefined || first === argument))
      .length;
  }

  async record(partition = 0): Promise<EncoderCheckpoint | undefined> {
    return (await this.checkpoints.get(`encoder._.${partition}`))?.value;
  }

  /** Lets everything happen that needs no time. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  #observer(): Observer {
    const note =
      (name: keyof Observer) =>
      (...args: unknown[]) => {
        this.observed.push([name, ...args]);
      };
    return {
      batch: note('batch'),
      readings: note('readings'),
      emitted: note('emitted'),
      repeats: note('repeats'),
      lineMoved: note('lineMoved'),
      deadLetter: note('deadLetter'),
      metadataRefused: note('metadataRefused'),
      publishFailed: note('publishFailed'),
      waitingForOutbox: note('waitingForOutbox'),
      recordWrite: note('recordWrite'),
      purged: note('purged'),
    };
  }
}

/** A lease that the test holds, and takes away. */
export class FakeLease implements Lease {
  readonly instance = 'test';
  readonly epoch: number;
  valid = true;
  isGivenUp = false;

  constructor(epoch: number) {
    this.epoch = epoch;
  }

  isValid(): boolean {
    return this.valid;
  }

  async confirm(): Promise<boolean> {
    return this.valid;
  }

  giveUp(): void {
    this.isGivenUp = true;
  }
}
