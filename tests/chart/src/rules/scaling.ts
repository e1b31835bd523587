import type { Manifest, WorkloadSpec } from '../kubernetes.ts';
import { idOf, type Release } from '../release.ts';
import type { Rule } from '../rule.ts';

interface ScalerSpec {
  readonly scaleTargetRef: { readonly apiVersion?: string; readonly kind?: string; readonly name: string };
  readonly minReplicas?: number;
  readonly maxReplicas?: number;
  readonly minReplicaCount?: number;
  readonly maxReplicaCount?: number;
  readonly metrics?: readonly { readonly type: string; readonly resource?: { readonly name: string } }[];
  readonly behavior?: ScalingBehaviour;
  readonly advanced?: { readonly horizontalPodAutoscalerConfig?: { readonly behavior?: ScalingBehaviour } };
}

interface ScalingBehaviour {
  readonly scaleDown?: { readonly stabilizationWindowSeconds?: number; readonly policies?: readonly object[] };
}

/**
 * What is scaled is there, by one scaler alone, and has no number of replicas beside it, to which every upgrade would
 * set it back. Going down is slow: each step hands sessions over.
 */
export const scaling: Rule = (release) => {
  const scalers = release.ofKind('HorizontalPodAutoscaler', 'ScaledObject');
  const targets = scalers.map(({ spec }) => (spec as ScalerSpec).scaleTargetRef.name);
  const twice = targets.filter((name, index) => targets.indexOf(name) !== index);
  return [
    ...scalers.flatMap((scaler) => problemsOf(release, scaler)),
    ...twice.map((name) => `Deployment/${name}: is scaled by two at once`),
  ];
};

function problemsOf(release: Release, scaler: Manifest): string[] {
  const spec = scaler.spec as ScalerSpec;
  const id = idOf(scaler);
  const { kind = 'Deployment', name } = spec.scaleTargetRef;
  const target = release.find(kind, name);
  if (target === undefined) return [`${id}: scales ${kind}/${name}, which is not there`];
  const { replicas, template } = target.spec as WorkloadSpec;
  const problems: string[] = [];
  if (scaler.kind === 'HorizontalPodAutoscaler') {
    if (scaler.apiVersion !== 'autoscaling/v2') problems.push(`${id}: is not of autoscaling/v2`);
    if (spec.scaleTargetRef.apiVersion !== target.apiVersion)
      problems.push(`${id}: names its target by another version`);
  }
  if (replicas !== undefined) problems.push(`${id}: ${idOf(target)} has replicas of its own`);
  const min = spec.minReplicas ?? spec.minReplicaCount ?? 1;
  const max = spec.maxReplicas ?? spec.maxReplicaCount ?? Number.POSITIVE_INFINITY;
  if (min < 1) problems.push(`${id}: scales down to nothing, and nobody holds the sessions`);
  if (min > max) problems.push(`${id}: its least (${min}) is more than its most (${max})`);
  for (const { resource } of spec.metrics ?? []) {
    if (resource === undefined) continue;
    const bare = template.spec.containers.filter(({ resources }) => resources?.requests?.[resource.name] === undefined);
    for (const container of bare) problems.push(`${id}: container ${container.name} requests no ${resource.name}`);
  }
  const behaviour = spec.behavior ?? spec.advanced?.horizontalPodAutoscalerConfig?.behavior;
  if (behaviour?.scaleDown === undefined) problems.push(`${id}: says nothing about how it scales down`);
  return problems;
}
