import { commonSettings, ownershipSettings } from '@gatecast/shared/config';
import { SLUG_PATTERN } from '@gatecast/shared/model';
import Type, { type Static } from 'typebox';

const ms = (value: number, description: string) => Type.Integer({ default: value, minimum: 1, description });
const seconds = ms;
const count = (value: number, description: string) => Type.Integer({ default: value, minimum: 1, description });

export const PublisherConfig = Type.Object({
  ...commonSettings,
  ...ownershipSettings,
  fleet: Type.String({ default: 'default', pattern: SLUG_PATTERN, description: 'Fleet whose gateways are served.' }),
  sealingPrivateKeys: Type.String({
    secret: true,
    description: 'JWK Set of the private keys that open stored secrets.',
  }),
  brokerAllowedRanges: Type.String({
    default: '',
    description:
      'CIDR ranges, comma-separated, that sessions may connect to although loopback, link-local, private and special ranges are denied.',
  }),
  brokerAllowedHosts: Type.String({
    default: '',
    description:
      'Host names of brokers, comma-separated, that sessions may connect to wherever they lead: for brokers of your own whose addresses change, such as Services of a cluster. Exact names; only of a DNS that you control.',
  }),
  connectsPerSecond: count(200, 'Connection attempts a second, for the whole process.'),
  connectBurst: count(400, 'Attempts that may begin at once when there were none for a while.'),
  connectsPerSecondPerHost: count(
    100,
    'Connection attempts a second to one broker (host and port). The last of n sessions begins after (n − burst) ÷ rate seconds: 5,000 sessions of one broker take 48 s.',
  ),
  connectBurstPerHost: count(
    200,
    'Attempts to one broker that may begin at once. As many sessions of one broker come back at once after a takeover.',
  ),
  maxTlsHandshakes: count(32, 'TLS handshakes at a time; those that take longer than a second do not count.'),
  maxDnsLookups: Type.Integer({
    default: 2,
    minimum: 2,
    description:
      'System lookups of host names at a time. Node gives them half of the threads of UV_THREADPOOL_SIZE (default 4).',
  }),
  dnsCacheMs: ms(5_000, 'How long the addresses of a host name are used again.'),
  attemptTimeoutMs: ms(60_000, 'For a whole attempt to connect, all addresses included, to a session that is ready.'),
  connectTimeoutMs: ms(10_000, 'For a TCP connection to a broker.'),
  tlsTimeoutMs: ms(10_000, 'For the TLS handshake.'),
  connackTimeoutMs: ms(10_000, 'From CONNECT to CONNACK.'),
  disconnectTimeoutMs: ms(1_000, 'For a DISCONNECT to be sent.'),
  identifySessions: Type.Boolean({
    default: false,
    description:
      'MQTT 5: CONNECT carries the user properties `gatecast-instance`, `gatecast-moves` and `gatecast-epoch`, which show a broker whose session it is: a later owner has more moves, or as many and a higher epoch.',
  }),
  sessionExpirySeconds: seconds(
    86_400,
    'How long a broker is asked to keep the session of a gateway at QoS 2 while nobody is connected. MQTT 5.',
  ),
  willDelaySeconds: seconds(
    30,
    'How long a broker is asked to wait for a successor before it publishes the will: longer than a takeover. MQTT 5.',
  ),
  backoffBaseMs: ms(1_000, 'Upper bound of the first delay before connecting again; doubles at each attempt.'),
  backoffMaxMs: ms(60_000, 'Upper bound of every delay before connecting again.'),
  drainMs: ms(700, 'How long a handover of a session takes at most; less if its broker does not answer.'),
  awayMs: ms(3_000, 'A broker away for so long has its messages moved to the waiting room.'),
  lineMaxAgeMs: ms(
    30_000,
    'A batch that is not settled after so long moves to the waiting room, although its broker is connected.',
  ),
  recordIntervalMs: ms(250, 'Longest time between a settlement and its durable record.'),
  windowsBeyondRecord: count(
    4,
    'In-flight windows that may be sent beyond the durable record: bounds what a crash repeats.',
  ),
  laneMaxMessages: count(2_000, 'Messages of one gateway in memory.'),
  partitionMaxBatches: count(4_096, 'Batches of one partition in memory.'),
  readAhead: count(200, 'Batches of one partition that NATS may send ahead.'),
  purgeIntervalMs: ms(30_000, 'How often settled messages are purged from the streams.'),
});

export type PublisherConfig = Readonly<Static<typeof PublisherConfig>>;

/** How long a stop may take before the process ends itself, ms. Whoever stops it should wait longer. */
export const STOP_DEADLINE_MS = 20_000;
