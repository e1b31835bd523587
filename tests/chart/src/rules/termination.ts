import type { Container, ServiceSpec } from '../kubernetes.ts';
import type { Pod, Release } from '../release.ts';
import type { Rule } from '../rule.ts';
import { hasLabels } from '../selectors.ts';
import { contractOf } from '../services.ts';
import { type ServiceSettings, settingsOf } from '../settings.ts';

/** What the kubelet grants when a pod says nothing, s. */
const DEFAULT_GRACE_SECONDS = 30;

/** How long a proxy may go on sending to a pod that is going, at least, s. */
const LEAST_PAUSE_SECONDS = 3;

/** The kubelet waits for as long as a stop may take, and a server waits until nobody sends it new requests. */
export const termination: Rule = (release) => settingsOf(release).flatMap((one) => problemsOf(release, one));

function problemsOf(release: Release, { pod, container, service, where, config }: ServiceSettings): string[] {
  const { stopDeadlineMs, isServer } = contractOf(service);
  const grace = pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  const pause = pauseOf(container);
  const needed = pause + stopDeadlineMs / 1000;
  const problems: string[] = [];
  if (grace < needed) {
    problems.push(
      `${where}: is killed after ${grace} s, and may need ${needed} s: ${pause} s of preStop, ${stopDeadlineMs / 1000} s to stop`,
    );
  }
  if (isServer && isBehindService(release, pod) && pause < LEAST_PAUSE_SECONDS) {
    problems.push(`${where}: stops ${pause} s after it was asked to, while requests still come`);
  }
  const drainMs = config?.drainTimeoutMs;
  if (typeof drainMs === 'number' && drainMs >= stopDeadlineMs) {
    problems.push(`${where}: drains for ${drainMs} ms, and ends itself after ${stopDeadlineMs} ms`);
  }
  return problems;
}

/** Of its preStop hook, s. */
export function pauseOf({ lifecycle }: Container): number {
  const { sleep, exec } = lifecycle?.preStop ?? {};
  if (sleep !== undefined) return sleep.seconds;
  return Number(/\bsleep\s+(\d+)/.exec(exec?.command.join(' ') ?? '')?.[1] ?? 0);
}

function isBehindService(release: Release, pod: Pod): boolean {
  return release.ofKind('Service').some(({ spec }) => hasLabels(pod.labels, (spec as ServiceSpec).selector ?? {}));
}
