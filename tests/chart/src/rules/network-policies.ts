import type { NetworkPolicySpec } from '../kubernetes.ts';
import { policiesOf, typesOf } from '../network.ts';
import { idOf, portOf } from '../release.ts';
import type { Rule } from '../rule.ts';
import { matches } from '../selectors.ts';

/** Every pod has a policy for both directions, hooks included; every policy has a pod, and its named ports exist. */
export const networkPolicies: Rule = (release) => [
  ...release.pods.flatMap((pod) => {
    const types = new Set(policiesOf(release, pod).flatMap(typesOf));
    return (['Ingress', 'Egress'] as const)
      .filter((type) => !types.has(type))
      .map((type) => `${pod.id}: no NetworkPolicy says anything about its ${type}`);
  }),
  ...release.ofKind('NetworkPolicy').flatMap((policy) => {
    const { podSelector, ingress = [] } = policy.spec as NetworkPolicySpec;
    const pods = release.pods.filter(({ labels }) => matches(podSelector, labels));
    if (pods.length === 0) return [`${idOf(policy)}: selects no pod`];
    const named = ingress
      .flatMap(({ ports = [] }) => ports)
      .flatMap(({ port }) => (typeof port === 'string' ? [port] : []));
    return named
      .filter((port) => !pods.some((pod) => portOf(pod, port) !== undefined))
      .map((port) => `${idOf(policy)}: none of its pods names port ${port}`);
  }),
];
