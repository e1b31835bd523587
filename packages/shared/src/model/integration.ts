import Type, { type Static } from 'typebox';

/** The topic and payload layout that new integrations get; stored with them, so that an upgrade changes nothing live. */
export const NEWEST_LAYOUT_VERSION = 1;

export const MEASUREMENT_FORMATS = ['raw', 'json', 'azure'] as const;
export const PROTOCOL_VERSIONS = ['3.1.1', '5'] as const;
export const PROFILES = ['generic', 'azure-iot-hub', 'aws-iot-core'] as const;
export const MEASUREMENT_INTERVALS_SECONDS = [60, 120, 300, 600] as const;

export type MeasurementFormat = (typeof MEASUREMENT_FORMATS)[number];
export type ProtocolVersion = (typeof PROTOCOL_VERSIONS)[number];
export type Profile = (typeof PROFILES)[number];

const oneOf = <const T extends readonly string[]>(values: T, description: string) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description });

const oneOfNumbers = <const T extends readonly number[]>(values: T, description: string) =>
  Type.Unsafe<T[number]>({ type: 'integer', enum: [...values], description });

const QoS = oneOfNumbers([0, 1, 2], '0: at most once, 1: at least once, 2: exactly once.');
const closed = { additionalProperties: false };
/** Topics are limited to 65,535 bytes by MQTT; far less is useful, and every message repeats them. */
const topicText = (description: string) => Type.String({ minLength: 1, maxLength: 512, description });
const payloadText = (description: string) => Type.String({ maxLength: 1024, description });
const pem = (description: string) => Type.String({ minLength: 1, maxLength: 65_536, description });

const TlsSettings = Type.Object(
  {
    enabled: Type.Optional(Type.Boolean({ description: 'Default false.' })),
    caCertificate: Type.Optional(pem('PEM: the CA that the broker is trusted by, instead of the public ones.')),
    clientCertificate: Type.Optional(pem('PEM: the certificate (and chain) shown to the broker.')),
    serverName: Type.Optional(
      Type.String({ minLength: 1, maxLength: 253, description: 'Name checked in the certificate. Default: host.' }),
    ),
  },
  closed,
);

const WillSettings = Type.Object(
  {
    enabled: Type.Optional(Type.Boolean({ description: 'Default true.' })),
    topic: Type.Optional(topicText('Default <rootTopic>/<gatewayId>/status.')),
    payload: Type.Optional(payloadText('Default offline.')),
    birthPayload: Type.Optional(payloadText('Default online.')),
    qos: Type.Optional(QoS),
    retain: Type.Optional(Type.Boolean({ description: 'LWT retain. Default true.' })),
    silenceIntervals: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1000,
        description: 'Measurement intervals without a reading until the will is published; 0 = never. Default 3.',
      }),
    ),
  },
  closed,
);

const AdvancedSettings = Type.Object(
  {
    inFlight: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'Unacknowledged messages at a time. Default 20.' }),
    ),
    ackTimeoutSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 300,
        description: 'Without an acknowledgement for so long the session is reset. Default 10.',
      }),
    ),
    traceContext: Type.Optional(
      Type.Boolean({ description: 'Send W3C trace context as MQTT 5 user properties. Default false.' }),
    ),
    jsonNumbers: Type.Optional(
      oneOf(['string', 'number'], 'How the json format writes values. Default string, as bases do.'),
    ),
    layoutVersion: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: NEWEST_LAYOUT_VERSION,
        description: 'Topic and payload layout. Default: the newest at creation.',
      }),
    ),
  },
  closed,
);

/** Everything about an integration that may be read back. All fields are optional: what is absent has its default. */
export const IntegrationFields = {
  enabled: Type.Optional(Type.Boolean({ description: 'Default: true once host is set.' })),
  host: Type.Optional(
    Type.String({ minLength: 1, maxLength: 253, description: 'DNS name or IP literal of the broker.' }),
  ),
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: 'Default 1883, or 8883 with TLS.' })),
  tls: Type.Optional(TlsSettings),
  username: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
  clientId: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'Default: the gateway id.' })),
  rootTopic: Type.Optional(topicText('Default Aranet.')),
  format: Type.Optional(oneOf(MEASUREMENT_FORMATS, 'Sensor measurement format. Default json.')),
  protocolVersion: Type.Optional(oneOf(PROTOCOL_VERSIONS, 'MQTT version. Default 3.1.1.')),
  keepAliveSeconds: Type.Optional(Type.Integer({ minimum: 5, maximum: 65_535, description: 'Default 60.' })),
  qos: Type.Optional(QoS),
  retain: Type.Optional(
    Type.Boolean({ description: 'Retain measurements. Default false; metadata topics are always retained.' }),
  ),
  will: Type.Optional(WillSettings),
  measurementIntervalSeconds: Type.Optional(
    oneOfNumbers(MEASUREMENT_INTERVALS_SECONDS, 'Told to the gateway. Default 60.'),
  ),
  profile: Type.Optional(
    oneOf(PROFILES, 'Rules of a broker vendor, checked at save and kept at run time. Default generic.'),
  ),
  advanced: Type.Optional(AdvancedSettings),
};

export const IntegrationInput = Type.Object(IntegrationFields, closed);
/** The settings as a person gave them, without secrets: sparse, defaults are applied on reading. */
export type IntegrationInput = Static<typeof IntegrationInput>;

/** The secrets of an integration. Write-only in the API; at rest each is a JWE that only publishers can open. */
export const SECRET_FIELDS = ['password', 'tls.clientKey'] as const;
export type SecretField = (typeof SECRET_FIELDS)[number];

/** Stored settings of an integration. */
export interface IntegrationSettings extends IntegrationInput {
  /** JWE by secret field. */
  sealed?: Partial<Record<SecretField, string>>;
  /** SHA-256, hex, over the SPKI of the sealed client key: a new certificate is checked against it without opening. */
  clientKeyFingerprint?: string;
}

export interface Integration {
  enabled: boolean;
  host: string | undefined;
  port: number;
  tls: {
    enabled: boolean;
    caCertificate: string | undefined;
    clientCertificate: string | undefined;
    serverName: string | undefined;
  };
  username: string | undefined;
  clientId: string;
  rootTopic: string;
  format: MeasurementFormat;
  protocolVersion: ProtocolVersion;
  keepAliveSeconds: number;
  qos: 0 | 1 | 2;
  retain: boolean;
  will: {
    enabled: boolean;
    topic: string;
    payload: string;
    birthPayload: string;
    qos: 0 | 1 | 2;
    retain: boolean;
    silenceIntervals: number;
  };
  measurementIntervalSeconds: (typeof MEASUREMENT_INTERVALS_SECONDS)[number];
  profile: Profile;
  advanced: {
    inFlight: number;
    ackTimeoutSeconds: number;
    traceContext: boolean;
    jsonNumbers: 'string' | 'number';
    layoutVersion: number;
  };
}

/** The complete form of an integration: every field present, defaults applied. Pure; validation happens before. */
export function completeIntegration(gatewayId: string, settings: IntegrationInput): Integration {
  const { tls = {}, will = {}, advanced = {} } = settings;
  const tlsEnabled = tls.enabled ?? false;
  const rootTopic = settings.rootTopic ?? 'Aranet';
  return {
    enabled: settings.host !== undefined && (settings.enabled ?? true),
    host: settings.host,
    port: settings.port ?? (tlsEnabled ? 8883 : 1883),
    tls: {
      enabled: tlsEnabled,
      caCertificate: tls.caCertificate,
      clientCertificate: tls.clientCertificate,
      serverName: tls.serverName,
    },
    username: settings.username,
    clientId: settings.clientId ?? gatewayId,
    rootTopic,
    format: settings.format ?? 'json',
    protocolVersion: settings.protocolVersion ?? '3.1.1',
    keepAliveSeconds: settings.keepAliveSeconds ?? 60,
    qos: settings.qos ?? 1,
    retain: settings.retain ?? false,
    will: {
      enabled: will.enabled ?? true,
      topic: will.topic ?? `${rootTopic}/${gatewayId}/status`,
      payload: will.payload ?? 'offline',
      birthPayload: will.birthPayload ?? 'online',
      qos: will.qos ?? 1,
      retain: will.retain ?? true,
      silenceIntervals: will.silenceIntervals ?? 3,
    },
    measurementIntervalSeconds: settings.measurementIntervalSeconds ?? 60,
    profile: settings.profile ?? 'generic',
    advanced: {
      inFlight: advanced.inFlight ?? 20,
      ackTimeoutSeconds: advanced.ackTimeoutSeconds ?? 10,
      traceContext: advanced.traceContext ?? false,
      jsonNumbers: advanced.jsonNumbers ?? 'string',
      layoutVersion: advanced.layoutVersion ?? 1,
    },
  };
}
