import { parseArgs } from 'node:util';
import { RUN_FLAGS, type RunArguments, runArguments } from '@gatecast/delivery-check/report';
import type { Scenario } from './scenario.ts';

export const USAGE = `npm run test:e2e -- [NAME]... [--selection ci] [--seed N] [--slack F] [--list] [--json FILE] [--markdown] [--keep]

Installs the chart on the Kubernetes cluster of KUBECONFIG, does under load what happens to clusters, and checks at the
brokers that every promise of delivery was kept. It uses kubectl and helm of PATH and two namespaces of its own.

  NAME             only these scenarios, in the order of the list
  --selection ci   those that fit into 15 minutes
  --seed N         repeats the draws of a run (default: one by chance, which is printed)
  --slack F        multiplies the times that are promised, for machines that do other things meanwhile (default: 1);
                   above 1, handovers that are cut short for want of time may repeat what was in flight
  --list           what there is
  --json FILE      writes the results to a file
  --markdown       prints the table of results (with --list: of scenarios) for docs/deploy.md
  --keep           leaves the release and the brokers where they are

  GATECAST_IMAGE_TAG (needed), GATECAST_IMAGE_NEXT_TAG (for the upgrade), GATECAST_IMAGE_REGISTRY,
  GATECAST_IMAGE_REPOSITORY, GATECAST_NATS_IMAGE, GATECAST_MOSQUITTO_IMAGE: images, which the cluster can have
  GATECAST_E2E_OUTSIDE_BROKER=host:port: a broker outside of the cluster, used beside those in it
`;

export interface E2eOptions extends RunArguments {
  readonly scenarios: readonly Scenario[];
  readonly keep: boolean;
}

/** @throws {TypeError} saying what is wrong with the arguments */
export function parseArguments(
  argv: readonly string[],
  all: readonly Scenario[],
  anySeed: () => number,
): E2eOptions | 'help' {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      selection: { type: 'string' },
      keep: { type: 'boolean', default: false },
      ...RUN_FLAGS,
    },
  });
  if (values.help) return 'help';
  const run = runArguments(values, anySeed);
  const { selection } = values;
  if (selection !== undefined && selection !== 'ci') throw new TypeError(`there is no selection ${selection}`);
  const unknown = positionals.find((name) => !all.some((scenario) => scenario.name === name));
  if (unknown !== undefined) throw new TypeError(`there is no scenario ${unknown}; --list shows them`);
  const scenarios = all.filter(
    ({ name, ci }) =>
      (positionals.length === 0 || positionals.includes(name)) && (selection === undefined || ci === true),
  );
  return { ...run, scenarios, keep: values.keep };
}
