import { commonSettings } from '@gatecast/shared/config';
import { SLUG_PATTERN, Slug } from '@gatecast/shared/model';
import { DEFAULT_STORAGE_LIMITS } from '@gatecast/shared/nats';
import Type, { type Static } from 'typebox';

const bytes = (defaultBytes: number, description: string) =>
  Type.Integer({ default: defaultBytes, minimum: 1024 * 1024, description: `${description} Bytes.` });

const SLUG = SLUG_PATTERN.replace(/^\^|\$$/g, '');

/** The settings of this service. */
export const ApiConfig = Type.Object({
  ...commonSettings,
  httpHost: Type.String({ default: '0.0.0.0', description: 'Address of the API.' }),
  httpPort: Type.Integer({
    default: 8080,
    minimum: 0,
    maximum: 65_535,
    description: 'Port of the API; 0 picks a free one.',
  }),
  trustedProxies: Type.Optional(
    Type.String({ description: 'Proxies whose X-Forwarded-For is believed: comma-separated addresses or CIDRs.' }),
  ),
  authFailuresPerMinute: Type.Integer({
    default: 30,
    minimum: 1,
    description: 'Failed authentications that one address may have in a minute, before it is answered 429.',
  }),
  sealingPublicKeysFile: Type.String({
    description: 'JWK Set of P-256 public keys. Secrets are sealed to the first one; only publishers can open them.',
  }),
  bootstrapApiKey: Type.Optional(
    Type.String({
      secret: true,
      minLength: 32,
      maxLength: 256,
      pattern: '^[\\x21-\\x7e]*$',
      description: 'An API key that may do everything: the way in when there is no other.',
    }),
  ),
  defaultWorkspace: Type.Unsafe<Static<typeof Slug>>({
    ...Slug,
    default: 'default',
    description: 'Created at start when there is no workspace at all.',
  }),
  defaultFleet: Type.Unsafe<Static<typeof Slug>>({
    ...Slug,
    default: 'default',
    description: 'Fleet of gateways that are created without one. Created at start when there is no fleet at all.',
  }),
  fleets: Type.String({
    default: '',
    pattern: `^(${SLUG}(,${SLUG})*)?$`,
    description:
      'Fleets that have publishers, comma-separated. Those that are missing are created at start; none is ever deleted by leaving it out: what is no longer named is kept and logged.',
  }),
  leaseTtlMs: Type.Integer({
    default: 12_000,
    minimum: 1_000,
    description: 'How long an owner that does not renew its lease keeps it. Fixed when the bucket is created.',
  }),
  encoderLagIntervalMs: Type.Integer({
    default: 5_000,
    minimum: 100,
    description: 'Time between two looks at whether readings wait for the encoder.',
  }),
  replicas: Type.Integer({
    default: DEFAULT_STORAGE_LIMITS.replicas,
    minimum: 1,
    maximum: 5,
    description: 'Copies of every stream and bucket: 1 on a laptop, 3 in production.',
  }),
  readingsMaxBytes: bytes(
    DEFAULT_STORAGE_LIMITS.readingsMaxBytes,
    'Accepted readings; when full, new ones are refused.',
  ),
  outboxMaxBytes: bytes(DEFAULT_STORAGE_LIMITS.outboxMaxBytes, 'Encoded messages of a fleet on their way.'),
  backlogMaxBytes: bytes(DEFAULT_STORAGE_LIMITS.backlogMaxBytes, 'Messages of a fleet that wait for their brokers.'),
  backlogMaxAgeSeconds: Type.Integer({
    default: DEFAULT_STORAGE_LIMITS.backlogMaxAgeSeconds,
    minimum: 60,
    description: 'How long a message may wait for its broker.',
  }),
  backlogMaxBatchesPerGateway: Type.Integer({
    default: DEFAULT_STORAGE_LIMITS.backlogMaxBatchesPerGateway,
    minimum: 1,
    description: 'Batches that one gateway may have waiting; a flood evicts its own oldest.',
  }),
  deadletterMaxBytes: bytes(DEFAULT_STORAGE_LIMITS.deadletterMaxBytes, 'Messages that no broker takes.'),
  repeatWindowSeconds: Type.Integer({
    default: DEFAULT_STORAGE_LIMITS.repeatWindowSeconds,
    minimum: 1,
    maximum: 86_400,
    description: 'How long a repeated request of a gateway is recognised by its content.',
  }),
});

export type ApiConfig = Readonly<Static<typeof ApiConfig>>;

/** How long a stop may take before the process ends itself, ms. Whoever stops it should wait longer. */
export const STOP_DEADLINE_MS = 20_000;
