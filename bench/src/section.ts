import type { BenchOptions } from './arguments.ts';
import type { TargetId } from './targets.ts';

/** One measured figure that has a target. */
export interface Figure {
  target: TargetId;
  measured: number;
}

export interface ReportTable {
  /** The first row is the header. */
  rows: readonly (readonly string[])[];
}

/** What a section has to say, without a layout. */
export interface SectionReport {
  /** How it was measured: one paragraph. */
  method: string;
  tables: readonly ReportTable[];
  notes: readonly string[];
  figures: readonly Figure[];
}

/** Readings that went missing or came in the wrong order in a section; both are promised to be 0. */
export interface Integrity {
  lost: number;
  reordered: number;
  duplicates: number;
}

export interface BenchContext {
  options: BenchOptions;
  /** Whatever a section starts is registered here and stopped after it, also when it fails or takes too long. */
  resources: AsyncDisposableStack;
  /** One line of progress. */
  log(line: string): void;
}

export interface Section<Result> {
  name: SectionName;
  title: string;
  /** After so long it is given up, ms; a quick run has a third of it. */
  deadlineMs: number;
  run(context: BenchContext): Promise<Result>;
  render(result: Result): SectionReport;
}

export const SECTION_NAMES = [
  'throughput',
  'latency',
  'sessions',
  'takeover',
  'hung-broker',
  'dead-brokers',
  'catch-up',
  'streams',
] as const;
export type SectionName = (typeof SECTION_NAMES)[number];
