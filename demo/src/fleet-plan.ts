import type { MeasurementFormat } from '@gatecast/shared/model';
import { MEASUREMENT_FORMATS } from '@gatecast/shared/model';
import { SENSOR_KINDS, type SensorKind } from './simulator/sensor-values.ts';
import type { SimulatedSensor } from './simulator/settings.ts';

export interface PlannedGateway {
  readonly gatewayId: string;
  readonly name: string;
  readonly format: MeasurementFormat;
  readonly sensors: readonly SimulatedSensor[];
}

export interface FleetPlanOptions {
  readonly gateways: number;
  /** Of each gateway. */
  readonly sensors: number;
  /** Undefined: all of them, in turn. */
  readonly format: MeasurementFormat | undefined;
  readonly seed: number;
}

const PLACES = ['North wing', 'South wing', 'Greenhouse', 'Warehouse', 'Server room'];
const ROOMS = ['Entrance', 'Meeting room', 'Office', 'Storage', 'Corridor', 'Kitchen', 'Laboratory', 'Cellar'];
const PRODUCTS: Record<SensorKind, { readonly productNumber: string; readonly group: string }> = {
  air: { productNumber: 'DEMO-AIR', group: 'Air quality' },
  climate: { productNumber: 'DEMO-CLIMATE', group: 'Climate' },
  pressure: { productNumber: 'DEMO-PRESSURE', group: 'Pressure' },
};

const FIRST_SERIAL = 394_260_700_033;
const FIRST_SENSOR = 0x3002fa;
/** Another seed is another fleet: on a broker that several demos share, they stay apart. */
const SERIALS_PER_SEED = 1000;

/** The gateways and sensors that are simulated: ids as bases and sensors have them. Pure. */
export function planFleet({ gateways, sensors, format, seed }: FleetPlanOptions): PlannedGateway[] {
  return Array.from({ length: gateways }, (_, index) => ({
    gatewayId: String(FIRST_SERIAL + (seed - 1) * SERIALS_PER_SEED + index),
    name: numbered(PLACES, index),
    format: format ?? cyclic(MEASUREMENT_FORMATS_IN_TURN, index),
    sensors: Array.from({ length: sensors }, (_unused, sensor) => plannedSensor(index * sensors + sensor, sensor)),
  }));
}

/** The usual one first. */
const MEASUREMENT_FORMATS_IN_TURN = MEASUREMENT_FORMATS.toSorted((a, b) => Number(b === 'json') - Number(a === 'json'));

function plannedSensor(number: number, index: number): SimulatedSensor {
  const kind = cyclic(SENSOR_KINDS, index);
  const { productNumber, group } = PRODUCTS[kind];
  const sensorId = (FIRST_SENSOR + number).toString(16).toUpperCase();
  const groupId = String(SENSOR_KINDS.indexOf(kind) + 1);
  return { kind, about: { sensorId, name: numbered(ROOMS, index), group, groupId, productNumber } };
}

function cyclic<T>(list: readonly T[], index: number): T {
  const item = list[index % list.length];
  if (item === undefined) throw new RangeError('there is nothing to choose from');
  return item;
}

/** `Office`, and for whoever comes round again `Office 2`. */
function numbered(names: readonly string[], index: number): string {
  const round = Math.floor(index / names.length) + 1;
  return round === 1 ? cyclic(names, index) : `${cyclic(names, index)} ${round}`;
}
