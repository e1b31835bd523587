import type { Profile } from '@gatecast/shared/model';

/** What a broker vendor refuses in a PUBLISH; breaking it costs the whole connection. */
export interface ProfileRules {
  readonly retain: boolean;
  /** Whether retained metadata topics may exist. */
  readonly metadata: boolean;
  readonly topics: 'rooted' | 'iot-hub';
  readonly maxTopicBytes: number;
  readonly maxTopicSlashes: number;
  readonly maxPayloadBytes: number;
}

const KIB = 1024;
/** [MQTT-1.5.3] a UTF-8 string has a two-byte length. */
const MQTT_MAX_TOPIC_BYTES = 65_535;

const GENERIC: ProfileRules = {
  retain: true,
  metadata: true,
  topics: 'rooted',
  maxTopicBytes: MQTT_MAX_TOPIC_BYTES,
  maxTopicSlashes: Number.POSITIVE_INFINITY,
  maxPayloadBytes: Number.POSITIVE_INFINITY,
};

/** Sources: Microsoft, "Communicate with an IoT hub using the MQTT protocol"; AWS, "AWS IoT Core endpoints and quotas". */
export const PROFILE_RULES: Readonly<Record<Profile, ProfileRules>> = {
  generic: GENERIC,
  'azure-iot-hub': {
    ...GENERIC,
    retain: false,
    metadata: false,
    topics: 'iot-hub',
    maxPayloadBytes: 256 * KIB,
  },
  'aws-iot-core': { ...GENERIC, maxTopicBytes: 256, maxTopicSlashes: 7, maxPayloadBytes: 128 * KIB },
};
