import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalStack, SERVICE_NAMES, type ServiceName } from '@gatecast/local-stack';
import { findMosquitto, Mosquitto, waitFor } from '@gatecast/shared/testing';
import { type ProfileShare, readProfile, summarise } from './cpu-profile.ts';
import { type LoadTarget, sendLoad } from './load.ts';
import { Metrics } from './metrics.ts';

export interface ThroughputOptions {
  gateways: number;
  readings: number;
  batch: number;
  qos: 0 | 1 | 2;
  runs: number;
  /** Take a CPU profile of every service. */
  profile: boolean;
}

export interface ThroughputRun {
  readingsPerSecond: number;
  /** CPU seconds per 100,000 readings, by process. */
  cpu: Record<ServiceName | 'nats-server' | 'mosquitto', number>;
}

export interface ThroughputResult {
  runs: ThroughputRun[];
  /** By service, largest shares first; empty without `profile`. */
  profiles: Partial<Record<ServiceName, ProfileShare[]>>;
}

const CONCURRENCY = 64;
const DEADLINE_MS = 120_000;
/** Clock ticks a second in /proc, on every Linux that Node runs on. */
const TICKS = 100;

/** A burst of readings over HTTP, timed until the broker has acknowledged the last of them. */
export async function measureThroughput(options: ThroughputOptions): Promise<ThroughputResult> {
  if (findMosquitto() === undefined) throw new Error('the bench needs mosquitto');
  const profileDir = await mkdtemp(join(tmpdir(), 'gatecast-bench-'));
  const nodeFlags = Object.fromEntries(
    SERVICE_NAMES.map((name) => [
      name,
      options.profile ? ['--cpu-prof', `--cpu-prof-dir=${join(profileDir, name)}`, '--cpu-prof-interval=500'] : [],
    ]),
  );
  const broker = await Mosquitto.start({ maxInflightMessages: 0 });
  const stack = await LocalStack.start({ nodeFlags });
  try {
    const gateways = await register(stack, broker.port, options);
    const runs: ThroughputRun[] = [];
    for (let run = -1; run < options.runs; run += 1) {
      const result = await burst(stack, broker, gateways, options, run + 1);
      if (run >= 0) runs.push(result); // the first one warms up
    }
    await stack.stop();
    return { runs, profiles: options.profile ? await readProfiles(profileDir) : {} };
  } finally {
    await stack.stop();
    await broker.stop();
  }
}

async function register(stack: LocalStack, port: number, { gateways, qos }: ThroughputOptions): Promise<LoadTarget[]> {
  const targets: LoadTarget[] = [];
  for (let index = 0; index < gateways; index += 1) {
    const gateway = await stack.registerGateway({
      gatewayId: `3942607${String(index).padStart(5, '0')}`,
      mqtt: { host: '127.0.0.1', port, qos },
    });
    targets.push({ gatewayId: gateway.gatewayId, token: gateway.token });
  }
  await waitFor(async () => (await delivering(stack)) === gateways, { timeoutMs: 60_000, describe: 'all sessions' });
  return targets;
}

async function delivering(stack: LocalStack): Promise<number> {
  return (await stack.api.listGateways({ code: 'MQTT_INFO_NO_ERR' })).length;
}

async function burst(
  stack: LocalStack,
  broker: Mosquitto,
  gateways: readonly LoadTarget[],
  { readings, batch }: ThroughputOptions,
  run: number,
): Promise<ThroughputRun> {
  const publisher = stack.services['mqtt-publisher'].adminUrl;
  const deliveredBefore = (await Metrics.of(publisher)).value('gatecast_publisher_messages_delivered_total');
  const cpuBefore = await cpuSeconds(stack, broker);
  const began = performance.now();
  const startTime = Math.floor(Date.now() / 1000) - 80_000 + run * 10_000;
  await sendLoad({ ingestUrl: stack.ingest.baseUrl, gateways, readings, batch, concurrency: CONCURRENCY, startTime });
  await waitFor(
    async () => {
      const delivered = (await Metrics.of(publisher)).value('gatecast_publisher_messages_delivered_total');
      return delivered - deliveredBefore >= readings;
    },
    { timeoutMs: DEADLINE_MS, intervalMs: 20, describe: `${readings} readings at the broker` },
  );
  const seconds = (performance.now() - began) / 1000;
  const cpuAfter = await cpuSeconds(stack, broker);
  const cpu = Object.fromEntries(
    Object.entries(cpuAfter).map(([name, after]) => [
      name,
      ((after - cpuBefore[name as keyof typeof cpuBefore]) * 100_000) / readings,
    ]),
  ) as ThroughputRun['cpu'];
  return { readingsPerSecond: readings / seconds, cpu };
}

async function cpuSeconds(stack: LocalStack, broker: Mosquitto): Promise<ThroughputRun['cpu']> {
  const services = await Promise.all(
    SERVICE_NAMES.map(async (name): Promise<[ServiceName, number]> => {
      const metrics = await Metrics.of(stack.services[name].adminUrl);
      return [name, metrics.value('process_cpu_seconds_total')];
    }),
  );
  return {
    ...(Object.fromEntries(services) as Record<ServiceName, number>),
    'nats-server': await cpuOfProcess(stack.nats.pid),
    mosquitto: await cpuOfProcess(broker.pid),
  };
}

/** User and system time of a process that has no metrics of its own; NaN where there is no /proc. */
async function cpuOfProcess(pid: number): Promise<number> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return Number.NaN;
  }
}

async function readProfiles(dir: string): Promise<ThroughputResult['profiles']> {
  const read = SERVICE_NAMES.map(async (name) => [name, summarise(await readProfile(join(dir, name)))] as const);
  return Object.fromEntries(await Promise.all(read));
}
