import type { Integration, Profile } from '@gatecast/shared/model';
import type { FieldFault } from '../refusal.ts';

type Rule = (integration: Integration) => FieldFault | undefined;

const fault = (pointer: string, message: string): FieldFault => ({ pointer, message });
const slashes = (topic: string) => topic.split('/').length - 1;

const IOT_HUB_MAX_KEEP_ALIVE_SECONDS = 1177;
const AWS_MAX_SLASHES = 7;
const AWS_MAX_IN_FLIGHT = 100;
/** The longest topic below a root: `<root>/<gateway>/sensors/<sensor>/measurements/<metric>`. */
const SLASHES_BELOW_ROOT = 5;

const needsTls: Rule = ({ tls }) =>
  tls.enabled ? undefined : fault('/tls/enabled', 'must be true: it takes TLS only');

/**
 * What a broker vendor refuses, checked on the complete settings, defaults included: what is saved here must not be
 * closed on there.
 * Sources: Microsoft, "Communicate with an IoT hub using the MQTT protocol"; AWS, "AWS IoT Core endpoints and quotas".
 */
const RULES: Record<Profile, readonly Rule[]> = {
  generic: [],
  'azure-iot-hub': [
    needsTls,
    ({ protocolVersion }) =>
      protocolVersion === '3.1.1' ? undefined : fault('/protocolVersion', 'must be 3.1.1 with Azure IoT Hub'),
    ({ qos }) => (qos <= 1 ? undefined : fault('/qos', 'must be 0 or 1: Azure IoT Hub closes the connection at 2')),
    ({ retain }) => (retain ? fault('/retain', 'must be false: Azure IoT Hub does not retain') : undefined),
    ({ keepAliveSeconds }) =>
      keepAliveSeconds <= IOT_HUB_MAX_KEEP_ALIVE_SECONDS
        ? undefined
        : fault('/keepAliveSeconds', `must be at most ${IOT_HUB_MAX_KEEP_ALIVE_SECONDS} with Azure IoT Hub`),
    ({ will, clientId }) =>
      !will.enabled || will.topic.startsWith(`devices/${clientId}/messages/events/`)
        ? undefined
        : fault('/will/topic', `must start with devices/${clientId}/messages/events/, or will.enabled be false`),
    ({ will }) => (will.enabled && will.qos > 1 ? fault('/will/qos', 'must be 0 or 1 with Azure IoT Hub') : undefined),
    ({ will }) =>
      will.enabled && will.retain
        ? fault('/will/retain', 'must be false (the default is true): Azure IoT Hub does not retain')
        : undefined,
  ],
  'aws-iot-core': [
    needsTls,
    ({ qos }) => (qos <= 1 ? undefined : fault('/qos', 'must be 0 or 1 with AWS IoT Core')),
    ({ rootTopic }) =>
      slashes(rootTopic) + SLASHES_BELOW_ROOT <= AWS_MAX_SLASHES
        ? undefined
        : fault(
            '/rootTopic',
            `must have at most ${AWS_MAX_SLASHES - SLASHES_BELOW_ROOT} slashes: AWS IoT Core takes ${AWS_MAX_SLASHES} in a topic, ${SLASHES_BELOW_ROOT} follow the root`,
          ),
    ({ will }) => (will.enabled && will.qos > 1 ? fault('/will/qos', 'must be 0 or 1 with AWS IoT Core') : undefined),
    ({ will }) =>
      will.enabled && slashes(will.topic) > AWS_MAX_SLASHES
        ? fault('/will/topic', `must have at most ${AWS_MAX_SLASHES} slashes with AWS IoT Core`)
        : undefined,
    ({ advanced }) =>
      advanced.inFlight <= AWS_MAX_IN_FLIGHT
        ? undefined
        : fault('/advanced/inFlight', `must be at most ${AWS_MAX_IN_FLIGHT} with AWS IoT Core`),
  ],
};

/** Everything about `integration` that its profile's broker would refuse. */
export function profileFaults(integration: Integration): FieldFault[] {
  return RULES[integration.profile].map((rule) => rule(integration)).filter((found) => found !== undefined);
}
