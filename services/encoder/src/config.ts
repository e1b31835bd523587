import { commonSettings, ownershipSettings } from '@gatecast/shared/config';
import Type, { type Static } from 'typebox';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Settings of the encoder. */
export const EncoderConfig = Type.Object({
  ...commonSettings,
  ...ownershipSettings,
  batchMaxBytes: Type.Integer({
    default: 256 * KIB,
    minimum: 16 * KIB,
    maximum: 8 * MIB,
    description: 'A batch in an outbox is split above this size. Never more than the NATS server takes.',
  }),
  batchMaxMessages: Type.Integer({
    default: 500,
    minimum: 1,
    maximum: 10_000,
    description: 'A batch in an outbox is split above so many MQTT messages.',
  }),
  readAheadBytes: Type.Integer({
    default: 2 * MIB,
    minimum: 1 * MIB,
    maximum: 256 * MIB,
    description: 'Of each partition, what is read and not encoded yet: bounds memory while an outbox is full.',
  }),
  recordIntervalMs: Type.Integer({
    // A takeover reads again what came after the record, and skips it by the outbox's tail: being late costs no repeats.
    default: 1_000,
    minimum: 10,
    // Publishers, who purge the outbox by it, wait so long for it and a little more.
    maximum: 1_000,
    description: 'Time between two writes of the record of a partition.',
  }),
  lookBackSeconds: Type.Integer({
    default: 3_600,
    minimum: 0,
    maximum: 86_400,
    description: 'How long READINGS is kept behind the position, so that repeats are recognised across a takeover.',
  }),
  maxReplayMessages: Type.Integer({
    default: 10_000,
    minimum: 0,
    maximum: 1_000_000,
    description: 'Batches of one partition that a takeover reads again for that; with more, it looks back less far.',
  }),
  maxSensorsPerPartition: Type.Integer({
    default: 5_000,
    minimum: 100,
    maximum: 1_000_000,
    description: 'Sensors of one partition whose recent readings are remembered, 0.6 kB each.',
  }),
  housekeepingIntervalSeconds: Type.Integer({
    default: 30,
    minimum: 1,
    maximum: 3_600,
    description: 'Time between two purges of READINGS, two looks at idle partitions, and at moved gateways.',
  }),
});

export type EncoderConfig = Readonly<Static<typeof EncoderConfig>>;

/** How long a stop may take before the process ends itself, ms. Whoever stops it should wait longer. */
export const STOP_DEADLINE_MS = 30_000;
