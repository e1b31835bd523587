import { parseArgs } from 'node:util';
import { SERVICE_NAMES } from '@gatecast/local-stack';
import { median, table } from './report.ts';
import { measureThroughput, type ThroughputResult } from './throughput.ts';

const USAGE = `npm run bench -- [--gateways 200] [--readings 100000] [--batch 10] [--qos 1] [--runs 3] [--profile] [--json]

Sends a burst of readings over HTTP and times it until mosquitto has acknowledged the last of them. Prints readings per
second end to end and CPU seconds per 100,000 readings by process; with --profile, where each service spent them.`;

const { values } = parseArgs({
  options: {
    gateways: { type: 'string', default: '200' },
    readings: { type: 'string', default: '100000' },
    batch: { type: 'string', default: '10' },
    qos: { type: 'string', default: '1' },
    runs: { type: 'string', default: '3' },
    profile: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(USAGE);
} else {
  const result = await measureThroughput({
    gateways: Number(values.gateways),
    readings: Number(values.readings),
    batch: Number(values.batch),
    qos: Number(values.qos) as 0 | 1 | 2,
    runs: Number(values.runs),
    profile: values.profile,
  });
  console.log(values.json ? JSON.stringify(result, undefined, 2) : render(result));
}

function render({ runs, profiles }: ThroughputResult): string {
  const medianOf = (pick: (run: ThroughputResult['runs'][number]) => number) => median(runs.map(pick));
  const processes = [...SERVICE_NAMES, 'nats-server', 'mosquitto'] as const;
  const ours = medianOf(({ cpu }) => SERVICE_NAMES.reduce((sum, name) => sum + cpu[name], 0));
  const rows = [
    ['CPU s per 100,000 readings', 'median', ...runs.map((_, index) => `run ${index + 1}`)],
    ...processes.map((name) => [
      name,
      medianOf(({ cpu }) => cpu[name]).toFixed(2),
      ...runs.map(({ cpu }) => cpu[name].toFixed(2)),
    ]),
    ['all our services', ours.toFixed(2)],
    [
      'readings/s end to end',
      medianOf((run) => run.readingsPerSecond).toFixed(0),
      ...runs.map((run) => run.readingsPerSecond.toFixed(0)),
    ],
  ];
  const shares = Object.entries(profiles).map(([service, profile]) => {
    const top = profile.slice(0, 12).map(({ where, share }) => [`  ${where}`, `${(share * 100).toFixed(1)} %`]);
    return `\n${service}: busy time by place\n${table(top)}`;
  });
  return [table(rows), ...shares].join('\n');
}
