import type { LocalStack, ServiceInstance } from '@gatecast/local-stack';
import { type Mosquitto, TempDir, TestCertificateAuthority, waitFor } from '@gatecast/shared/testing';
import { type FleetPlan, registerGateways, startLoad, startMosquitto, startStack, wait } from '../bench-stack.ts';
import type { LoadTarget } from '../load/request.ts';
import { type ConstructorShare, HeapSnapshots } from '../measuring/heap-snapshot.ts';
import { Metrics } from '../measuring/metrics.ts';
import { cpuSecondsOf, type Memory, memoryOf } from '../measuring/process-usage.ts';
import { number } from '../reporting/format.ts';
import type { BenchContext, Figure, Section } from '../section.ts';

export interface ConnectCurve {
  /** Seconds from the publisher being ready until so many were connected. */
  half: number;
  ninetyPercent: number;
  all: number;
}

export interface SessionsRow {
  kind: 'plain' | 'mutual TLS';
  sessions: number;
  /** Of Node and V8, for the publisher; empty: as it is started by default. */
  flags: readonly string[];
  curve: ConnectCurve;
  /** Percent of one core, nothing to deliver: keep-alives and leases alone. */
  idleCpu: number;
  idleMemory: Memory;
  /** Each gateway sends a reading a minute. */
  busyCpu: number;
  busyMemory: Memory;
  heap: { used: number; external: number };
  /** Of its memory, largest first; undefined without `--profile`. */
  constructors: ConstructorShare[] | undefined;
}

export interface SessionsResult {
  keepAliveSeconds: number;
  rows: SessionsRow[];
}

interface Case {
  kind: SessionsRow['kind'];
  sessions: number;
  flags: readonly string[];
}

/**
 * What V8 offers for a process of thousands of sessions that do little: a small young generation, an old one that may
 * grow by a seventh before it is collected, and code that trades speed for size.
 */
export const LEAN_FLAGS = ['--max-semi-space-size=2', '--heap-growing-percent=15', '--optimize-for-size'] as const;
/** The row that the targets are for. */
const TARGET = { kind: 'plain', sessions: 5_000, flags: LEAN_FLAGS } as const;
const KEEP_ALIVE_SECONDS = 60;
/** A minute is too long for a quick run; more PINGREQs are harder. */
const QUICK_KEEP_ALIVE_SECONDS = 15;
/** The default of an installation: leases are what a publisher of few messages has to renew. */
const DEFAULT_LEASE_TTL_MS = 12_000;
const MESSAGE_INTERVAL_MS = 60_000;
const CONNECT_DEADLINE_MS = 180_000;
/** Until the status of each gateway is written, and what connecting has left is collected. */
const SETTLE_MS = 60_000;
const QUICK_SETTLE_MS = 5_000;
const BUSY_MS = 20_000;
/** Else all gateways are found silent in the midst of an observation, since nobody sends for them. */
const NO_SILENCE = { silenceIntervals: 0 };
const MIB = 1024 * 1024;
const CONSTRUCTOR_ROWS = 20;

/** What a session costs a publisher, in memory and CPU, and how fast it connects them. */
export const sessions: Section<SessionsResult> = {
  name: 'sessions',
  title: 'Sessions of one publisher',
  deadlineMs: 15 * 60_000,
  async run(context) {
    const { options } = context;
    const rows: SessionsRow[] = [];
    const counts = (options.sessions ?? (options.quick ? [1_000] : [1_000, 5_000])).filter((count) => count > 0);
    const keepAliveSeconds = options.quick ? QUICK_KEEP_ALIVE_SECONDS : KEEP_ALIVE_SECONDS;
    const plain = await startPlain(context, keepAliveSeconds);
    for (const count of counts.toSorted((a, b) => a - b)) {
      await plain.registerUpTo(count);
      const variants = options.quick || count < TARGET.sessions ? [[]] : [[], TARGET.flags];
      for (const flags of variants)
        rows.push(await measure(context, plain, keepAliveSeconds, { kind: 'plain', sessions: count, flags }));
    }
    await plain.stop();
    const tlsCount = options.quick ? 100 : 500;
    const tls = await startMutualTls(context, keepAliveSeconds);
    await tls.registerUpTo(tlsCount);
    rows.push(await measure(context, tls, keepAliveSeconds, { kind: 'mutual TLS', sessions: tlsCount, flags: [] }));
    await tls.stop();
    return { keepAliveSeconds, rows };
  },
  render,
};

/** A system without a publisher so far, and its broker. */
interface Ground {
  stack: LocalStack;
  gateways: readonly LoadTarget[];
  registerUpTo(count: number): Promise<void>;
  stop(): Promise<void>;
}

async function startPlain(context: BenchContext, keepAliveSeconds: number): Promise<Ground> {
  const broker = await startMosquitto(context);
  return startGround(context, broker, () => ({
    host: broker.host,
    port: broker.port,
    keepAliveSeconds,
    will: NO_SILENCE,
  }));
}

/** Each gateway has a certificate of its own. */
async function startMutualTls(context: BenchContext, keepAliveSeconds: number): Promise<Ground> {
  const authority = await TestCertificateAuthority.create();
  const server = await authority.issueServer();
  const broker = await startMosquitto(context, {
    ca: authority.certificate,
    certificate: server.certificate,
    key: server.key,
    requireClientCertificate: true,
  });
  return startGround(context, broker, async (index) => {
    const client = await authority.issueClient({ commonName: `gateway-${index}` });
    return {
      host: broker.host,
      port: broker.port,
      keepAliveSeconds,
      will: NO_SILENCE,
      tls: {
        enabled: true,
        caCertificate: authority.certificate,
        clientCertificate: client.certificate,
        clientKey: client.key,
      },
    };
  });
}

async function startGround(context: BenchContext, broker: Mosquitto, mqtt: FleetPlan['mqtt']): Promise<Ground> {
  const stack = await startStack(context, { instances: { 'mqtt-publisher': 0 }, leaseTtlMs: DEFAULT_LEASE_TTL_MS });
  const gateways: LoadTarget[] = [];
  return {
    stack,
    gateways,
    async registerUpTo(count) {
      const missing = { from: gateways.length, count: count - gateways.length, mqtt };
      gateways.push(...(await registerGateways(stack, missing)));
    },
    async stop() {
      await stack.stop();
      await broker.stop();
    },
  };
}

/** Starts a publisher for the gateways that are registered, looks at it, and stops it. */
async function measure(
  context: BenchContext,
  { stack, gateways }: Ground,
  keepAliveSeconds: number,
  of: Case,
): Promise<SessionsRow> {
  const { options, resources, log } = context;
  const snapshots = options.profile
    ? new HeapSnapshots(resources.use(await TempDir.create('bench-heap')).path)
    : undefined;
  const publisher = await stack.addInstance('mqtt-publisher', {
    nodeFlags: [...of.flags, ...(snapshots?.flags ?? [])],
  });
  const curve = await connectCurve(publisher, of.sessions);
  await wait(options.quick ? QUICK_SETTLE_MS : SETTLE_MS);
  // As long as the keep-alive: sessions that were made at one time send their PINGREQs at one time.
  const idle = await observe(publisher, keepAliveSeconds * 1000);
  const load = startLoad(context, stack, { gateways, intervalMs: MESSAGE_INTERVAL_MS });
  const busy = await observe(publisher, BUSY_MS);
  await load.stop();
  const metrics = await Metrics.of(publisher.process.adminUrl);
  const constructors = await snapshots?.take(publisher.process.pid);
  await stack.removeInstance(publisher);
  const row: SessionsRow = {
    ...of,
    curve,
    idleCpu: idle.cpu,
    idleMemory: idle.memory,
    busyCpu: busy.cpu,
    busyMemory: busy.memory,
    heap: {
      used: metrics.value('nodejs_heap_size_used_bytes') / MIB,
      external: metrics.value('nodejs_external_memory_bytes') / MIB,
    },
    constructors,
  };
  log(
    `${of.sessions} ${of.kind} ${of.flags.join(' ')}: ${number(busy.memory.rss)} MiB, idle ${number(idle.cpu, 2)} % CPU, all in ${number(curve.all, 1)} s`,
  );
  return row;
}

async function connectCurve({ process }: ServiceInstance, sessions: number): Promise<ConnectCurve> {
  const began = performance.now();
  const reached: Partial<ConnectCurve> = {};
  let connected = 0;
  await waitFor(
    async () => {
      const metrics = await Metrics.of(process.adminUrl);
      connected = metrics.value('gatecast_publisher_connect_attempts_total', { name: 'result', value: 'ok' });
      const seconds = (performance.now() - began) / 1000;
      if (connected >= sessions * 0.5) reached.half ??= seconds;
      if (connected >= sessions * 0.9) reached.ninetyPercent ??= seconds;
      if (connected >= sessions) reached.all ??= seconds;
      return reached.all !== undefined;
    },
    {
      timeoutMs: CONNECT_DEADLINE_MS,
      intervalMs: 100,
      describe: () => `${sessions} sessions; there were ${connected}`,
    },
  );
  return { half: Number.NaN, ninetyPercent: Number.NaN, all: Number.NaN, ...reached };
}

async function observe({ process: { pid } }: ServiceInstance, ms: number): Promise<{ cpu: number; memory: Memory }> {
  const before = await cpuSecondsOf(pid);
  const began = performance.now();
  await wait(ms);
  const cpu = ((await cpuSecondsOf(pid)) - before) / ((performance.now() - began) / 1000);
  return { cpu: cpu * 100, memory: await memoryOf(pid) };
}

function render({ keepAliveSeconds, rows }: SessionsResult) {
  const header = [
    'sessions',
    'flags',
    'RSS idle, MiB',
    'RSS, MiB',
    'peak, MiB',
    'heap + external, MiB',
    'CPU idle, %',
    'CPU, %',
    'half, s',
    '90 %, s',
    'all, s',
    'connects/s',
  ];
  const body = rows.map((row) => [
    `${number(row.sessions)} ${row.kind}`,
    row.flags.join(' ') || 'none',
    number(row.idleMemory.rss),
    number(row.busyMemory.rss),
    number(row.busyMemory.peak),
    `${number(row.heap.used)} + ${number(row.heap.external)}`,
    number(row.idleCpu, 2),
    number(row.busyCpu, 2),
    number(row.curve.half, 1),
    number(row.curve.ninetyPercent, 1),
    number(row.curve.all, 1),
    number(row.sessions / row.curve.all),
  ]);
  const held = rows.flatMap(({ sessions: count, kind, flags, constructors }) => {
    if (constructors === undefined) return [];
    const title = [`${number(count)} ${kind} ${flags.join(' ')}`.trim(), 'count', 'MiB'];
    const top = constructors.slice(0, CONSTRUCTOR_ROWS);
    return [{ rows: [title, ...top.map(({ name, count: n, bytes }) => [name, number(n), number(bytes / MIB, 1)])] }];
  });
  return {
    method: `One publisher and one mosquitto; keep-alive ${keepAliveSeconds} s, lease TTL ${DEFAULT_LEASE_TTL_MS / 1000} s. The connect curve starts when the publisher is ready. Idle: nothing to deliver, for one keep-alive, and none is found silent meanwhile (silenceIntervals 0). Then each gateway sends one reading a minute. CPU in percent of one core. The target is for the publisher with the flags ${TARGET.flags.join(' ')}.`,
    tables: [{ rows: [header, ...body] }, ...held],
    notes: [],
    figures: figuresOf(rows),
  };
}

function figuresOf(rows: readonly SessionsRow[]): Figure[] {
  const row = rows.find(
    ({ kind, sessions: count, flags }) =>
      kind === TARGET.kind && count === TARGET.sessions && flags.join() === TARGET.flags.join(),
  );
  if (row === undefined) return [];
  return [
    { target: 'sessionsRss', measured: row.busyMemory.rss },
    { target: 'sessionsCpu', measured: row.idleCpu },
  ];
}
