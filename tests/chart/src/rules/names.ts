import { idOf } from '../release.ts';
import type { Rule } from '../rule.ts';

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const required = [
  'app.kubernetes.io/name',
  'app.kubernetes.io/instance',
  'app.kubernetes.io/managed-by',
  'helm.sh/chart',
];
/** Beyond it, what their controllers append to it does not fit into a label. */
const MAX_LENGTH = new Map([
  ['StatefulSet', 52],
  ['CronJob', 52],
]);

/** Every object once, under a name that fits, with the labels by which people and Helm find it. */
export const names: Rule = ({ manifests }) => {
  const seen = new Set<string>();
  return manifests.flatMap((manifest) => {
    const id = idOf(manifest);
    const problems: string[] = [];
    if (seen.has(id)) problems.push(`${id}: is there twice`);
    seen.add(id);
    const { name, labels = {} } = manifest.metadata;
    const longest = MAX_LENGTH.get(manifest.kind) ?? 63;
    if (!DNS_LABEL.test(name)) problems.push(`${id}: its name is no DNS label`);
    if (name.length > longest) problems.push(`${id}: its name has ${name.length} characters, more than ${longest}`);
    for (const label of required) if (!labels[label]) problems.push(`${id}: has no label ${label}`);
    return problems;
  });
};
