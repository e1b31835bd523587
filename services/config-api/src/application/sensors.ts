import {
  applySensorChanges,
  type GatewayRecord,
  SENSOR_FIELDS,
  type SensorChange,
  type SensorInfo,
  type SensorsRecord,
} from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import { type Page, type PageRequest, pageOf } from '../domain/paging.ts';
import { missing, Refusal } from '../domain/refusal.ts';
import type { Precondition } from '../domain/revision.ts';
import { ofWorkspace } from './gateways.ts';
import type { Announcer } from './ports.ts';
import type { Records } from './records.ts';

/** All of a gateway's sensors are one record, which must fit a NATS message. */
const MAX_SENSORS = 1_000;

export interface Sensor extends SensorInfo {
  sensorId: string;
}

/** Absent = keep, null = remove. */
export type SensorPatch = Omit<SensorChange, 'sensorId'>;

export interface SensorsOptions {
  gateways: Records<GatewayRecord>;
  sensors: Records<SensorsRecord>;
  announcer: Announcer;
}

/** Names, groups and product numbers of a gateway's sensors. The gateway itself may change them too, by what it sends. */
export class Sensors {
  readonly #options: SensorsOptions;

  constructor(options: SensorsOptions) {
    this.#options = options;
  }

  /** From memory. @throws {Refusal} `not_found` */
  list(workspace: string, gatewayId: string, page: PageRequest): Page<Sensor> {
    const { value: gateway } = ofWorkspace(workspace, this.#options.gateways.get(gatewayId));
    const { sensors } = recordOf(gateway, this.#options.sensors.get(gatewayId));
    return pageOf(Object.keys(sensors), page, (sensorId) => ({ sensorId, ...sensors[sensorId] }));
  }

  /** From memory. @throws {Refusal} `not_found` */
  get(workspace: string, gatewayId: string, sensorId: string): Revisioned<Sensor> {
    const { value: gateway } = ofWorkspace(workspace, this.#options.gateways.get(gatewayId));
    const found = this.#options.sensors.get(gatewayId);
    const info = sensorOf(recordOf(gateway, found), sensorId);
    if (!found || !info) throw missing('sensor');
    return { value: { sensorId, ...info }, revision: found.revision };
  }

  /** @throws {Refusal} `not_found` (gateway), `stale_revision`, `too_many_sensors` */
  replace(
    workspace: string,
    gatewayId: string,
    sensorId: string,
    info: SensorInfo,
    precondition: Precondition | undefined,
  ): Promise<Revisioned<Sensor>> {
    const everyField = Object.fromEntries(SENSOR_FIELDS.map((field) => [field, info[field] ?? null]));
    return this.#write(workspace, gatewayId, sensorId, everyField, precondition, false);
  }

  /** @throws {Refusal} `not_found` (gateway, sensor), `stale_revision` */
  patch(
    workspace: string,
    gatewayId: string,
    sensorId: string,
    patch: SensorPatch,
    precondition: Precondition | undefined,
  ): Promise<Revisioned<Sensor>> {
    return this.#write(workspace, gatewayId, sensorId, patch, precondition, true);
  }

  /** @throws {Refusal} `not_found`, `stale_revision` */
  async delete(
    workspace: string,
    gatewayId: string,
    sensorId: string,
    precondition: Precondition | undefined,
  ): Promise<void> {
    const gateway = await this.#latestGateway(workspace, gatewayId);
    await this.#options.sensors.change(gatewayId, precondition, (current) => {
      const record = recordOf(gateway, current);
      if (!sensorOf(record, sensorId)) throw missing('sensor');
      return {
        ...record,
        sensors: Object.fromEntries(Object.entries(record.sensors).filter(([id]) => id !== sensorId)),
      };
    });
    await this.#options.announcer.announce(gateway);
  }

  async #write(
    workspace: string,
    gatewayId: string,
    sensorId: string,
    patch: SensorPatch,
    precondition: Precondition | undefined,
    mustExist: boolean,
  ): Promise<Revisioned<Sensor>> {
    const gateway = await this.#latestGateway(workspace, gatewayId);
    const written = await this.#options.sensors.change(gatewayId, precondition, (current) => {
      const record = recordOf(gateway, current);
      const exists = sensorOf(record, sensorId) !== undefined;
      if (!exists && mustExist) throw missing('sensor');
      if (!exists && Object.keys(record.sensors).length >= MAX_SENSORS) throw tooManySensors();
      return applySensorChanges(record, [{ ...patch, sensorId }]);
    });
    await this.#options.announcer.announce(gateway);
    return { value: { sensorId, ...sensorOf(written.value, sensorId) }, revision: written.revision };
  }

  async #latestGateway(workspace: string, gatewayId: string): Promise<GatewayRecord> {
    return ofWorkspace(workspace, await this.#options.gateways.latest(gatewayId)).value;
  }
}

/** The record of this registration; another one's counts as empty. */
export function recordOf(gateway: GatewayRecord, found: Revisioned<SensorsRecord> | undefined): SensorsRecord {
  if (found?.value.incarnation === gateway.incarnation) return found.value;
  return { incarnation: gateway.incarnation, sensors: {} };
}

/** A sensor may be called `constructor`: what every object inherits is not a sensor. */
function sensorOf({ sensors }: SensorsRecord, sensorId: string): SensorInfo | undefined {
  return Object.hasOwn(sensors, sensorId) ? sensors[sensorId] : undefined;
}

function tooManySensors(): Refusal {
  return new Refusal('conflict', 'too_many_sensors', `A gateway has at most ${MAX_SENSORS} named sensors`);
}
