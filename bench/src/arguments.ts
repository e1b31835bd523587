import { parseArgs } from 'node:util';
import { SECTION_NAMES, type SectionName } from './section.ts';

export interface BenchOptions {
  only: readonly SectionName[];
  /** Fewer and shorter runs: to see that it works, not for figures to be quoted. */
  quick: boolean;
  /** Of each thing that is measured several times. Undefined: as many as the section thinks right. */
  runs: number | undefined;
  /** Where throughput and sessions spend their CPU and memory. */
  profile: boolean;
  /** NATS writes to the disk before it answers, as the chart and Compose have it. */
  syncAlways: boolean;
  /** Of throughput: which of its rows. */
  qos: readonly QoS[];
  batch: readonly number[];
  gateways: number;
  readings: number | undefined;
  /** Of sessions: which of its rows. */
  sessions: readonly number[] | undefined;
  /** File, or `-` for standard output in place of the report. */
  json: string | undefined;
  markdown: boolean;
}

export type QoS = 0 | 1 | 2;

export const USAGE = `npm run bench -- [--only ${SECTION_NAMES.join(',')}] [--quick] [--runs N]
                 [--json FILE] [--markdown] [--profile] [--sync-always]
                 [--qos 0,1,2] [--batch 1,10,50] [--gateways 200] [--readings N] [--sessions 1000,5000]

Starts the whole system as processes on this machine and measures it, section by section; each figure stands beside its
target. All of it takes some 40 minutes, --quick some 5 and gives figures that are not to be quoted.

  --only      these sections, separated by commas
  --runs      how often each thing is measured; the default depends on the section
  --json      writes everything that was measured to a file, or with - to standard output in place of the report
  --markdown  the report as Markdown
  --profile   throughput: where each service spends its CPU; sessions: what the publisher's memory holds
  --sync-always   NATS writes to the disk before it answers, as in production; else every two minutes
  --qos, --batch, --gateways, --readings   rows of throughput
  --sessions  rows of sessions: how many plain ones; 0 leaves them out`;

export class UsageError extends Error {}

/** @throws {UsageError} undefined: help was asked for */
export function parseArguments(argv: readonly string[]): BenchOptions | undefined {
  const values = parse(argv);
  if (values.help) return undefined;
  return {
    only: sectionsOf(values.only),
    quick: values.quick,
    runs: values.runs === undefined ? undefined : countOf('runs', values.runs),
    profile: values.profile,
    syncAlways: values['sync-always'],
    qos: listOf('qos', values.qos).map((qos) => {
      if (qos !== 0 && qos !== 1 && qos !== 2) throw new UsageError('--qos takes 0, 1 and 2');
      return qos;
    }),
    batch: listOf('batch', values.batch).map((batch) => atLeastOne('batch', batch)),
    gateways: countOf('gateways', values.gateways),
    readings: values.readings === undefined ? undefined : countOf('readings', values.readings),
    sessions: values.sessions === undefined ? undefined : listOf('sessions', values.sessions),
    json: values.json,
    markdown: values.markdown,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        only: { type: 'string', default: SECTION_NAMES.join(',') },
        quick: { type: 'boolean', default: false },
        runs: { type: 'string' },
        profile: { type: 'boolean', default: false },
        'sync-always': { type: 'boolean', default: false },
        qos: { type: 'string', default: '0,1,2' },
        batch: { type: 'string', default: '1,10,50' },
        gateways: { type: 'string', default: '200' },
        readings: { type: 'string' },
        sessions: { type: 'string' },
        json: { type: 'string' },
        markdown: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function sectionsOf(text: string): SectionName[] {
  const wanted = text.split(',');
  const unknown = wanted.find((name) => !SECTION_NAMES.some((known) => known === name));
  if (unknown !== undefined)
    throw new UsageError(`--only: no section ${unknown}; there are ${SECTION_NAMES.join(', ')}`);
  return SECTION_NAMES.filter((name) => wanted.includes(name));
}

function listOf(option: string, text: string): number[] {
  return text.split(',').map((item) => {
    if (!/^\d+$/.test(item)) throw new UsageError(`--${option} takes whole numbers, separated by commas`);
    return Number(item);
  });
}

function countOf(option: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`--${option} takes a whole number`);
  return atLeastOne(option, Number(text));
}

function atLeastOne(option: string, value: number): number {
  if (value < 1) throw new UsageError(`--${option} takes 1 or more`);
  return value;
}
