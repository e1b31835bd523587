import type { LabelSelector, Manifest, WorkloadSpec } from '../kubernetes.ts';
import { idOf, type Pod, type Release } from '../release.ts';
import type { Rule } from '../rule.ts';
import { matches } from '../selectors.ts';

interface BudgetSpec {
  readonly selector: LabelSelector;
  readonly minAvailable?: number | string;
  readonly maxUnavailable?: number | string;
}

/** Workloads of several pods have a disruption budget, and none that would hold up the drain of a node for ever. */
export const disruption: Rule = (release) => [
  ...release.ofKind('PodDisruptionBudget').flatMap((budget) => budgetProblems(release, budget)),
  ...release.pods
    .filter((pod) => pod.isService && fewestOf(release, pod) > 1)
    .filter((pod) => budgetsOf(release, pod).length === 0)
    .map((pod) => `${pod.id}: has several pods and no PodDisruptionBudget`),
  ...release.pods
    .filter((pod) => budgetsOf(release, pod).length > 1)
    .map((pod) => `${pod.id}: has several PodDisruptionBudgets, and then none of its pods can be evicted`),
];

function budgetProblems(release: Release, budget: Manifest): string[] {
  const { selector, minAvailable, maxUnavailable } = budget.spec as BudgetSpec;
  const id = idOf(budget);
  const pods = release.pods.filter(({ isService, labels }) => isService && matches(selector, labels));
  if (pods.length === 0) return [`${id}: selects no pod`];
  if (pods.length > 1) return [`${id}: selects pods of ${pods.map((pod) => pod.id).join(' and ')}`];
  return pods.flatMap((pod) => {
    const count = fewestOf(release, pod);
    const kept = keptOf(count, minAvailable, maxUnavailable);
    return kept >= count
      ? [`${id}: keeps all ${count} pods of ${pod.id}: no node with one of them can be drained`]
      : [];
  });
}

/** How many of `count` pods have to stay. */
function keptOf(count: number, min: number | string | undefined, max: number | string | undefined): number {
  const absolute = (value: number | string) =>
    typeof value === 'number' ? value : Math.ceil((Number.parseFloat(value) / 100) * count);
  if (max !== undefined) return count - absolute(max);
  return min === undefined ? 0 : absolute(min);
}

function budgetsOf(release: Release, pod: Pod): Manifest[] {
  return release.ofKind('PodDisruptionBudget').filter(({ spec }) => matches((spec as BudgetSpec).selector, pod.labels));
}

/** The number of pods when there is the least to do. */
function fewestOf(release: Release, pod: Pod): number {
  const scaled = release
    .ofKind('HorizontalPodAutoscaler', 'ScaledObject')
    .map(({ spec }) => spec as { scaleTargetRef: { name: string }; minReplicas?: number; minReplicaCount?: number })
    .find(({ scaleTargetRef }) => scaleTargetRef.name === pod.owner.metadata.name);
  if (scaled !== undefined) return scaled.minReplicas ?? scaled.minReplicaCount ?? 1;
  return (pod.owner.spec as WorkloadSpec).replicas ?? 1;
}
