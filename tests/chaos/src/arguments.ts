import { parseArgs } from 'node:util';
import { RUN_FLAGS, type RunArguments, runArguments } from '@gatecast/delivery-check/report';
import type { Scenario } from './scenario.ts';

export const USAGE = `npm run chaos -- [--scenario NAME]... [--short] [--seed N] [--slack F] [--list] [--json FILE] [--markdown]

Breaks things under load, one scenario after another, and checks at the brokers that every promise of delivery was kept.

  --scenario NAME  only this one, or every one of a group (may be given several times)
  --short          only the selection that npm test runs
  --seed N         repeats the draws of a run (default: one by chance, which is printed)
  --slack F        multiplies the times that are promised, for machines that do other things meanwhile (default: 1)
  --list           what there is
  --json FILE      writes the results to a file
  --markdown       prints the table of results (with --list: of scenarios) for docs/delivery.md
`;

export interface ChaosOptions extends RunArguments {
  readonly scenarios: readonly Scenario[];
}

/** @throws {TypeError} saying what is wrong with the arguments */
export function parseArguments(
  argv: readonly string[],
  all: readonly Scenario[],
  anySeed: () => number,
): ChaosOptions | 'help' {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      scenario: { type: 'string', multiple: true, default: [] },
      short: { type: 'boolean', default: false },
      ...RUN_FLAGS,
    },
  });
  if (values.help) return 'help';
  const run = runArguments(values, anySeed);
  const wanted = values.scenario;
  const unknown = wanted.find((name) => !all.some((scenario) => scenario.name === name || scenario.group === name));
  if (unknown !== undefined) throw new TypeError(`there is no scenario ${unknown}; --list shows them`);
  const scenarios = all.filter(
    ({ name, group, short }) =>
      (wanted.length === 0 || wanted.includes(name) || wanted.includes(group)) && (!values.short || short === true),
  );
  return { ...run, scenarios };
}
