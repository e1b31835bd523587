import { join } from 'node:path';
import { median, spread } from '@gatecast/delivery-check/statistics';
import { type LocalStack, SERVICE_NAMES, type ServiceName } from '@gatecast/local-stack';
import { type Mosquitto, TempDir, waitFor } from '@gatecast/shared/testing';
import type { QoS } from '../arguments.ts';
import { startConnectedStack, startMosquitto } from '../bench-stack.ts';
import { sendBurst } from '../load/burst.ts';
import type { LoadTarget } from '../load/request.ts';
import { type ProfileShare, readProfile, summarise } from '../measuring/cpu-profile.ts';
import { Metrics } from '../measuring/metrics.ts';
import { cpuSecondsOf } from '../measuring/process-usage.ts';
import { number, range } from '../reporting/format.ts';
import type { BenchContext, Figure, Section } from '../section.ts';

const PROCESSES = [...SERVICE_NAMES, 'nats-server', 'mosquitto'] as const;
type ProcessName = (typeof PROCESSES)[number];

export interface ThroughputRun {
  readingsPerSecond: number;
  /** CPU seconds per 100,000 readings, by process. */
  cpu: Record<ProcessName, number>;
}

export interface ThroughputRow {
  qos: QoS;
  batch: number;
  readings: number;
  runs: ThroughputRun[];
}

export interface ThroughputResult {
  gateways: number;
  rows: ThroughputRow[];
  /** By service, largest shares first; of the last QoS. Undefined without `--profile`. */
  profiles: Record<ServiceName, ProfileShare[]> | undefined;
}

/** The row that the targets are for. */
const TARGET = { qos: 1, batch: 10 } as const;
const CONCURRENCY = 64;
const BURST_DEADLINE_MS = 120_000;
const PROFILE_INTERVAL_US = 500;
const PROFILE_ROWS = 12;

/** A burst of readings over HTTP, timed until the broker has acknowledged the last of them. */
export const throughput: Section<ThroughputResult> = {
  name: 'throughput',
  title: 'Throughput and cost',
  deadlineMs: 15 * 60_000,
  async run(context) {
    const { options } = context;
    const rows: ThroughputRow[] = [];
    let profiles: ThroughputResult['profiles'];
    for (const qos of options.quick ? options.qos.filter((qos) => qos === TARGET.qos) : options.qos) {
      const measured = await measureQos(context, qos);
      rows.push(...measured.rows);
      profiles = measured.profiles;
    }
    return { gateways: options.gateways, rows, profiles };
  },
  render,
};

/** A system of its own for each QoS: the gateways' settings are the same all the time. */
async function measureQos(context: BenchContext, qos: QoS): Promise<Pick<ThroughputResult, 'rows' | 'profiles'>> {
  const { options, resources, log } = context;
  const profileDir = resources.use(await TempDir.create('bench-profiles')).path;
  const flags = (name: ServiceName) =>
    options.profile
      ? ['--cpu-prof', `--cpu-prof-dir=${join(profileDir, name)}`, `--cpu-prof-interval=${PROFILE_INTERVAL_US}`]
      : [];
  const broker = await startMosquitto(context);
  const nodeFlags = Object.fromEntries(SERVICE_NAMES.map((name) => [name, flags(name)]));
  const mqtt = { host: broker.host, port: broker.port, qos };
  const plan = { count: options.gateways, mqtt: () => mqtt };
  const { stack, gateways } = await startConnectedStack(context, plan, { nodeFlags });
  const bursts = new Bursts(stack, broker, gateways);
  const rows: ThroughputRow[] = [];
  for (const batch of options.quick ? options.batch.filter((size) => size === TARGET.batch) : options.batch) {
    const row = { qos, batch, readings: readingsOf(context, batch), runs: [] as ThroughputRun[] };
    await bursts.send(Math.ceil(row.readings / 4), batch); // warms up
    for (let run = 0; run < runsOf(context, qos, batch); run += 1)
      row.runs.push(await bursts.send(row.readings, batch));
    log(`QoS ${qos}, batches of ${batch}: ${number(median(row.runs.map((run) => run.readingsPerSecond)))} readings/s`);
    rows.push(row);
  }
  await stack.stop();
  await broker.stop();
  return { rows, profiles: options.profile ? await readProfiles(profileDir) : undefined };
}

/** Small batches are slow: fewer readings say as much. */
function readingsOf({ options: { readings, quick } }: BenchContext, batch: number): number {
  if (readings !== undefined) return readings;
  return batch === 1 ? 20_000 : quick ? 50_000 : 100_000;
}

function runsOf({ options: { runs, quick } }: BenchContext, qos: QoS, batch: number): number {
  if (runs !== undefined) return runs;
  return qos === TARGET.qos && batch === TARGET.batch && !quick ? 5 : 3;
}

/** Bursts of one system, none of which repeats a reading of another. */
export class Bursts {
  readonly #stack: LocalStack;
  readonly #broker: Mosquitto | undefined;
  readonly #gateways: readonly LoadTarget[];
  #nextTime = Math.floor(Date.now() / 1000) - 80_000;

  constructor(stack: LocalStack, broker: Mosquitto | undefined, gateways: readonly LoadTarget[]) {
    this.#stack = stack;
    this.#broker = broker;
    this.#gateways = gateways;
  }

  async send(readings: number, batch: number): Promise<ThroughputRun> {
    const deliveredBefore = await this.#delivered();
    const cpuBefore = await this.#cpuSeconds();
    const began = performance.now();
    const startTime = this.#nextTime;
    this.#nextTime += 1_000 + Math.ceil(readings / batch / this.#gateways.length);
    const ingestUrl = this.#stack.ingest.baseUrl;
    const gateways = this.#gateways;
    const sent = await sendBurst({ ingestUrl, gateways, readings, batch, concurrency: CONCURRENCY, startTime });
    await waitFor(async () => (await this.#delivered()) - deliveredBefore >= sent.readings, {
      timeoutMs: BURST_DEADLINE_MS,
      intervalMs: 20,
      describe: `${sent.readings} readings at the broker`,
    });
    const seconds = (performance.now() - began) / 1000;
    const cpuAfter = await this.#cpuSeconds();
    const costOf = (name: ProcessName) => ((cpuAfter[name] - cpuBefore[name]) * 100_000) / sent.readings;
    return { readingsPerSecond: sent.readings / seconds, cpu: byProcess(costOf) };
  }

  async #delivered(): Promise<number> {
    const { adminUrl } = this.#stack.services['mqtt-publisher'];
    return (await Metrics.of(adminUrl)).value('gatecast_publisher_messages_delivered_total');
  }

  async #cpuSeconds(): Promise<Record<ProcessName, number>> {
    const services = this.#stack.services;
    const pids = byProcess((name) => {
      if (name === 'nats-server') return this.#stack.nats.pid;
      return name === 'mosquitto' ? (this.#broker?.pid ?? -1) : services[name].pid;
    });
    const seconds = await Promise.all(PROCESSES.map(async (name) => [name, await cpuSecondsOf(pids[name])] as const));
    return Object.fromEntries(seconds) as Record<ProcessName, number>;
  }
}

function byProcess(value: (name: ProcessName) => number): Record<ProcessName, number> {
  return Object.fromEntries(PROCESSES.map((name) => [name, value(name)])) as Record<ProcessName, number>;
}

async function readProfiles(dir: string): Promise<Record<ServiceName, ProfileShare[]>> {
  const read = SERVICE_NAMES.map(async (name) => [name, summarise(await readProfile(join(dir, name)))] as const);
  return Object.fromEntries(await Promise.all(read)) as Record<ServiceName, ProfileShare[]>;
}

function oursOf({ cpu }: ThroughputRun): number {
  return SERVICE_NAMES.reduce((sum, name) => sum + cpu[name], 0);
}

function render({ gateways, rows, profiles }: ThroughputResult) {
  const header = ['CPU s per 100,000 readings', ...PROCESSES, 'all ours', 'readings/s'];
  const body = rows.map(({ qos, batch, runs }) => [
    `QoS ${qos}, batches of ${batch}`,
    ...PROCESSES.map((name) => number(median(runs.map(({ cpu }) => cpu[name])), 2)),
    range(spread(runs.map(oursOf))),
    range(spread(runs.map((run) => run.readingsPerSecond)), 0),
  ]);
  const tables = [{ rows: [header, ...body] }];
  for (const [service, shares] of Object.entries(profiles ?? {})) {
    const top = shares.slice(0, PROFILE_ROWS).map(({ where, share }) => [where, `${number(share * 100, 1)} %`]);
    tables.push({ rows: [[`${service}: busy time`, 'share'], ...top] });
  }
  return {
    method: `${gateways} gateways with one mosquitto, six values a reading, format json. A burst over HTTP, as fast as it is taken, after one to warm up; over when the publisher has the broker's acknowledgement of the last reading. Medians, with lowest and highest of the runs.`,
    tables,
    notes: [],
    figures: figuresOf(rows),
  };
}

function figuresOf(rows: readonly ThroughputRow[]): Figure[] {
  const row = rows.find(({ qos, batch }) => qos === TARGET.qos && batch === TARGET.batch);
  if (row === undefined) return [];
  const medianOf = (pick: (run: ThroughputRun) => number) => median(row.runs.map(pick));
  return [
    { target: 'cpuOurs', measured: medianOf(oursOf) },
    { target: 'cpuPublisher', measured: medianOf(({ cpu }) => cpu['mqtt-publisher']) },
    { target: 'readingsPerSecond', measured: medianOf((run) => run.readingsPerSecond) },
  ];
}
