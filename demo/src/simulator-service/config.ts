import { commonSettings } from '@gatecast/shared/config';
import { MEASUREMENT_FORMATS, type MeasurementFormat } from '@gatecast/shared/model';
import Type, { type Static } from 'typebox';

const { instance, adminHost, adminPort, logLevel } = commonSettings;
const NAME = '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$';

/** Settings of the simulator, by environment variable like those of the services. */
export const SimulatorConfig = Type.Object({
  ...{ instance, adminHost, adminPort, logLevel },
  apiUrl: Type.String({ default: 'http://127.0.0.1:8080', description: 'Where config-api is.' }),
  apiKey: Type.String({ secret: true, description: 'API key to register gateways with.' }),
  ingestUrl: Type.String({ default: 'http://127.0.0.1:8081', description: 'Where readings go to.' }),
  brokerHost: Type.String({ description: 'MQTT broker of all gateways, as publishers reach it.' }),
  brokerPort: Type.Integer({ default: 1883, minimum: 1, maximum: 65_535, description: 'Its port.' }),
  workspace: Type.String({ default: 'default', pattern: NAME, description: 'Workspace of the gateways.' }),
  fleet: Type.Optional(
    Type.String({ pattern: NAME, description: 'Their fleet, created when it is missing. Default: the default fleet.' }),
  ),
  gateways: Type.Integer({ default: 5, minimum: 1, maximum: 1_000, description: 'Simulated gateways.' }),
  sensors: Type.Integer({ default: 4, minimum: 1, maximum: 100, description: 'Sensors of each.' }),
  format: Type.Optional(
    Type.Unsafe<MeasurementFormat>({
      type: 'string',
      enum: [...MEASUREMENT_FORMATS],
      description: 'Format of all of them. Default: all formats, in turn.',
    }),
  ),
  speed: Type.Number({
    default: 30,
    minimum: 1,
    maximum: 60,
    description: 'How many times faster than their measurement interval sensors are read.',
  }),
  seed: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 100_000,
    description: 'Other gateways, sensors and values. Two simulators of one installation need different ones.',
  }),
});

export type SimulatorConfig = Static<typeof SimulatorConfig>;
