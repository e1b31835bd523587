/* What the Pod Security Standard "restricted" wants of a pod and its containers. */

export const RESTRICTED_POD = {
  runAsNonRoot: true,
  runAsUser: 10001,
  runAsGroup: 10001,
  fsGroup: 10001,
  seccompProfile: { type: 'RuntimeDefault' },
} as const;

export const RESTRICTED_CONTAINER = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
} as const;

export interface DeploymentParts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly container: Readonly<Record<string, unknown>>;
  readonly volumes: readonly object[];
  readonly graceSeconds: number;
}

/** A Deployment of one restricted pod, which is gone before the next one starts. */
export function restrictedDeployment({ name, labels, container, volumes, graceSeconds }: DeploymentParts): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: {
      replicas: 1,
      strategy: { type: 'Recreate' },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: graceSeconds,
          securityContext: RESTRICTED_POD,
          containers: [{ ...container, securityContext: RESTRICTED_CONTAINER }],
          volumes,
        },
      },
    },
  };
}
