import type { Totals } from '../checker/index.ts';

/** What became of one scenario. */
export interface RunResult {
  readonly name: string;
  readonly seconds: number;
  readonly totals: Totals;
  /** What the stated bound allows, of all gateways together. */
  readonly duplicatesAllowed: number;
  /** Figures of its own. */
  readonly extras: Readonly<Record<string, string>>;
  /** Promises that were not kept, in words. */
  readonly broken: readonly string[];
}
