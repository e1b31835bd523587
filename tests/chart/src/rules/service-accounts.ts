import type { Rule } from '../rule.ts';

/** Nothing in a pod talks to the API server: no token in it, and no environment made of the namespace's Services. */
export const serviceAccounts: Rule = ({ pods, manifests }) => [
  ...pods.flatMap(({ id, spec }) => {
    const problems: string[] = [];
    if (spec.automountServiceAccountToken !== false) problems.push(`${id}: automountServiceAccountToken is not false`);
    if (spec.enableServiceLinks !== false) problems.push(`${id}: enableServiceLinks is not false`);
    const projected = (spec.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
    if (projected.some(({ serviceAccountToken }) => serviceAccountToken)) problems.push(`${id}: projects a token`);
    return problems;
  }),
  ...manifests
    .filter(({ kind }) => kind === 'ServiceAccount')
    .filter(({ automountServiceAccountToken }) => automountServiceAccountToken !== false)
    .map(({ metadata }) => `ServiceAccount/${metadata.name}: automountServiceAccountToken is not false`),
];
