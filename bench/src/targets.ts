/** `most`: the figure must not be above the limit; `least`: not below; `below`: it must be under it. */
type Bound = 'most' | 'least' | 'below';

export interface Target {
  what: string;
  bound: Bound;
  limit: number;
  unit: string;
  /** Digits behind the point of the measured figure. */
  digits: number;
  /** Where the target comes from. */
  source: string;
}

const DESIGN = 'design, Targets';
const PROMISES = 'design, Delivery promises';
/** The lease TTL that stacks on one machine run with; 12 s is the default of an installation. */
export const LEASE_TTL_MS = 3_000;
export const ACK_TIMEOUT_SECONDS = 10;
/** `advanced.inFlight` by default. */
export const WINDOW = 20;

const target = (
  what: string,
  bound: Bound,
  limit: number,
  unit: string,
  { digits = 2, source = DESIGN } = {},
): Target => ({ what, bound, limit, unit, digits, source });

/** Every figure that has a target, and the target. */
export const TARGETS = {
  cpuOurs: target('CPU of all our services per 100,000 readings, QoS 1, batches of 10', 'most', 4.0, 's'),
  cpuPublisher: target('of that, the publisher', 'most', 2.2, 's'),
  readingsPerSecond: target('readings end to end, QoS 1, batches of 10', 'least', 20_000, '/s', { digits: 0 }),
  latencyP99: target('p99 from ingest to the broker at half load', 'below', 50, 'ms', { digits: 1 }),
  sessionsRss: target('RSS of one publisher with 5,000 sessions', 'most', 256, 'MiB', { digits: 0 }),
  sessionsCpu: target('CPU of one publisher with 5,000 idle sessions', 'below', 2, '%'),
  takeoverCrash: target(
    `worst gap after kill -9, lease TTL ${LEASE_TTL_MS / 1000} s: at most TTL + 1 s`,
    'most',
    LEASE_TTL_MS / 1000 + 1,
    's',
  ),
  takeoverPlanned: target('worst gap of a planned handover', 'most', 1, 's'),
  hungQos1: target(
    'hung broker, QoS 1: session reset and status not green; ack deadline + 1 s',
    'most',
    ACK_TIMEOUT_SECONDS + 1,
    's',
  ),
  hungQos0: target('hung broker, QoS 0: the same by a PINGREQ probe', 'most', ACK_TIMEOUT_SECONDS + 1, 's'),
  hungDuplicates: target('duplicates of one gateway after a hung broker: at most its window', 'most', WINDOW, '', {
    digits: 0,
  }),
  deadBrokers: target('p99 of the others with 10 % of brokers dead, beside none: median ratio', 'most', 1.1, ''),
  streamsGrowth: target(
    'READINGS and OUTBOX with a tenth offline: last third of the run beside the second',
    'most',
    1.1,
    '',
    { source: PROMISES },
  ),
  lost: target('readings lost, all sections', 'most', 0, '', { digits: 0, source: PROMISES }),
  reordered: target('readings out of order, all sections', 'most', 0, '', { digits: 0, source: PROMISES }),
} as const satisfies Record<string, Target>;

export type TargetId = keyof typeof TARGETS;

export interface Verdict {
  met: boolean;
  /** Measured over target; undefined where the target is 0. */
  ratio: number | undefined;
}

/** A figure that could not be measured (NaN) meets nothing. */
export function judge(id: TargetId, measured: number): Verdict {
  const { bound, limit }: Target = TARGETS[id];
  const ratio = limit === 0 ? undefined : measured / limit;
  if (bound === 'least') return { met: measured >= limit, ratio };
  return { met: bound === 'below' ? measured < limit : measured <= limit, ratio };
}
