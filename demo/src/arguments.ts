import { parseArgs } from 'node:util';
import { MEASUREMENT_FORMATS, type MeasurementFormat } from '@gatecast/shared/model';
import { type BrokerAddress, parseBrokerAddress } from './broker-address.ts';

export interface DemoOptions {
  readonly gateways: number;
  /** Of each gateway. */
  readonly sensors: number;
  /** Seconds between two readings of a sensor. Undefined: the gateway's measurement interval, divided by `speed`. */
  readonly intervalSeconds: number | undefined;
  readonly speed: number;
  /** Undefined: all of them, spread over the gateways. */
  readonly format: MeasurementFormat | undefined;
  /** Undefined: an embedded one. */
  readonly broker: BrokerAddress | undefined;
  /** Undefined: until it is stopped. */
  readonly durationSeconds: number | undefined;
  readonly seed: number;
}

export const USAGE = `usage: npm run demo -- [options]

Runs the whole system on this machine, with simulated gateways that send readings to an MQTT broker.

  --gateways N     simulated gateways, 1 to 1000 (default 5)
  --sensors N      sensors of each gateway, 1 to 100 (default 4)
  --interval S     seconds between two readings of a sensor, 1 to 3600; without it, gateways follow their
                   measurement interval (60 s, unless changed over the API), made faster by --speed
  --speed N        how much faster, 1 to 60 (default 30: a reading every 2 s)
  --format F       ${MEASUREMENT_FORMATS.join(', ')} (default: all of them, spread over the gateways)
  --broker URL     mqtt[s]://[user:password@]host[:port] of a broker to publish to (default: an embedded one)
  --duration S     ends after so many seconds (default: runs until Ctrl-C)
  --seed N         other gateways, sensors and values, 1 to 100000 (default 1)
  --help           this text
`;

/** The command line is wrong; the message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws {UsageError} */
export function parseArguments(argv: readonly string[]): DemoOptions | 'help' {
  const values = readFlags(argv);
  if (values.help) return 'help';
  if (values.interval !== undefined && values.speed !== undefined) {
    throw new UsageError('--interval fixes the pace, so that --speed means nothing: give one of them');
  }
  const { interval, duration } = values;
  return {
    gateways: integer('--gateways', values.gateways ?? '5', 1, 1000),
    sensors: integer('--sensors', values.sensors ?? '4', 1, 100),
    intervalSeconds: interval === undefined ? undefined : decimal('--interval', interval, 1, 3600),
    speed: decimal('--speed', values.speed ?? '30', 1, 60),
    format: values.format === undefined ? undefined : formatOf(values.format),
    broker: values.broker === undefined ? undefined : brokerOf(values.broker),
    durationSeconds: duration === undefined ? undefined : decimal('--duration', duration, 1, 30 * 24 * 3600),
    seed: integer('--seed', values.seed ?? '1', 1, 100_000),
  };
}

function readFlags(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: false,
      options: {
        gateways: text,
        sensors: text,
        interval: text,
        speed: text,
        format: text,
        broker: text,
        duration: text,
        seed: text,
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function integer(flag: string, text: string, min: number, max: number): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${flag} takes a whole number, not ${JSON.stringify(text)}`);
  return within(flag, Number(text), min, max);
}

function decimal(flag: string, text: string, min: number, max: number): number {
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text)) throw new UsageError(`${flag} takes a number, not ${JSON.stringify(text)}`);
  return within(flag, Number(text), min, max);
}

function within(flag: string, value: number, min: number, max: number): number {
  if (value < min || value > max) throw new UsageError(`${flag} takes ${min} to ${max}, not ${value}`);
  return value;
}

function formatOf(text: string): MeasurementFormat {
  const format = MEASUREMENT_FORMATS.find((known) => known === text);
  if (format === undefined) throw new UsageError(`--format takes ${MEASUREMENT_FORMATS.join(', ')}, not ${text}`);
  return format;
}

function brokerOf(text: string): BrokerAddress {
  try {
    return parseBrokerAddress(text);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--broker ${error.message}`, { cause: error });
    throw error;
  }
}
