import { commonSettings } from '@gatecast/shared/config';
import Type, { type Static } from 'typebox';

const KiB = 1024;
const MiB = 1024 * KiB;

export const IngestConfig = Type.Object({
  ...commonSettings,
  httpHost: Type.String({ default: '0.0.0.0', description: 'Address that gateways send their readings to.' }),
  httpPort: Type.Integer({
    default: 8080,
    minimum: 0,
    maximum: 65_535,
    description: 'Its port; 0 picks a free one.',
  }),
  maxBodyBytes: Type.Integer({
    default: 512 * KiB,
    minimum: 1 * KiB,
    maximum: 8 * MiB,
    description:
      'Largest body of a request, as sent and as inflated. A NATS server with a smaller max_payload lowers it.',
  }),
  readingMaxAheadHours: Type.Number({
    default: 24,
    minimum: 0,
    description: 'Readings whose time is further ahead are refused.',
  }),
  readingMaxAgeDays: Type.Number({ default: 90, minimum: 0, description: 'Readings older than this are refused.' }),
  requestsPerMinute: Type.Integer({
    default: 1200,
    minimum: 1,
    description: 'Requests that one gateway may send in a minute.',
  }),
  bytesPerMinute: Type.Integer({
    default: 32 * MiB,
    minimum: 1 * KiB,
    description: 'Bytes, inflated, that one gateway may send in a minute.',
  }),
  rememberedGateways: Type.Integer({
    default: 50_000,
    minimum: 1,
    description: 'Gateways whose rates are remembered; the longest silent ones are forgotten first.',
  }),
  maxPendingBytes: Type.Integer({
    default: 64 * MiB,
    minimum: 8 * MiB,
    description: 'Bytes of bodies that may wait for NATS to store them; more are refused.',
  }),
  maxEventLoopDelayMs: Type.Integer({
    default: 250,
    minimum: 0,
    description: 'Mean delay of the event loop over a second, above which requests are refused; 0 = no limit.',
  }),
  storageHighWater: Type.Number({
    default: 0.95,
    exclusiveMinimum: 0,
    maximum: 1,
    description: 'Fraction of the READINGS stream’s size limit above which requests are refused.',
  }),
  storagePollMs: Type.Integer({
    default: 1000,
    minimum: 50,
    description: 'Time between two looks at how full the READINGS stream is.',
  }),
  maxGatewayLagSeconds: Type.Number({
    default: 60,
    exclusiveMinimum: 0,
    description:
      'Age of a gateway’s oldest accepted request that is not encoded, above which its requests are refused.',
  }),
  maxLineLagSeconds: Type.Number({
    default: 120,
    exclusiveMinimum: 0,
    description: 'The same age, which when most gateways of a fleet exceed it has all requests of the fleet refused.',
  }),
  lagPollMs: Type.Integer({
    default: 2000,
    minimum: 50,
    description: 'Time between two looks at how far the encoder is.',
  }),
  retryAfterSeconds: Type.Integer({
    default: 5,
    minimum: 1,
    description: 'Retry-After of answers that say the service is unavailable.',
  }),
  tokenLookupsPerSecond: Type.Integer({
    default: 20,
    minimum: 1,
    description:
      'How often NATS may be asked about a gateway whose token is not known here; beyond that it is refused.',
  }),
  requestTimeoutMs: Type.Integer({
    default: 30_000,
    minimum: 1000,
    description: 'Time within which a gateway must have sent its whole request.',
  }),
  drainTimeoutMs: Type.Integer({
    default: 10_000,
    minimum: 0,
    description: 'At a stop: time for requests under way to end; then their connections are closed.',
  }),
});

export type IngestConfig = Readonly<Static<typeof IngestConfig>>;

/** How long a stop may take before the process ends itself, ms. Whoever stops it should wait longer. */
export const STOP_DEADLINE_MS = 30_000;
