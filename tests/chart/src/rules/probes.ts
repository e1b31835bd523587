import type { Container, Probe } from '../kubernetes.ts';
import { type Pod, portOf } from '../release.ts';
import type { Rule } from '../rule.ts';
import { serviceOf } from '../services.ts';

const kinds = ['startupProbe', 'livenessProbe', 'readinessProbe'] as const;

/**
 * Every container of a service is asked whether it has started, lives and is ready, and these are three questions: a
 * liveness probe that looked at NATS would restart everything during an outage of NATS.
 */
export const probes: Rule = ({ pods }) =>
  pods.filter(({ isService }) => isService).flatMap((pod) => pod.spec.containers.flatMap((c) => problemsOf(pod, c)));

function problemsOf(pod: Pod, container: Container): string[] {
  const where = `${pod.id}: container ${container.name}`;
  const problems = kinds.flatMap((kind) => {
    const probe = container[kind];
    if (probe === undefined) return [`${where}: has no ${kind}`];
    const port = probe.httpGet?.port ?? probe.tcpSocket?.port;
    const isNowhere = port !== undefined && portOf(pod, port) === undefined;
    return isNowhere ? [`${where}: ${kind} asks port ${port}, which no container names`] : [];
  });
  const { livenessProbe, readinessProbe } = container;
  if (livenessProbe !== undefined && isSame(livenessProbe, readinessProbe)) {
    problems.push(`${where}: liveness and readiness are the same question`);
  }
  return serviceOf(container) === undefined ? problems : [...problems, ...pathProblems(where, container)];
}

function pathProblems(where: string, container: Container): string[] {
  const expected = { startupProbe: '/livez', livenessProbe: '/livez', readinessProbe: '/readyz' };
  return kinds.flatMap((kind) => {
    const path = container[kind]?.httpGet?.path;
    if (container[kind] === undefined || path === expected[kind]) return [];
    return [`${where}: ${kind} asks ${path ?? 'no path'}, not ${expected[kind]}`];
  });
}

function isSame(one: Probe, other: Probe | undefined): boolean {
  const question = (probe: Probe | undefined) => JSON.stringify([probe?.httpGet, probe?.tcpSocket, probe?.exec]);
  return question(one) === question(other);
}
