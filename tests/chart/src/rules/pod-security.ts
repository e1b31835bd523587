import type { Container, SecurityContext } from '../kubernetes.ts';
import { containersOf, type Pod } from '../release.ts';
import type { Rule } from '../rule.ts';

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted */
const allowedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];
const safeSysctls = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
];

/**
 * Pod Security "restricted", for every pod, hooks included; and beyond it a root file system that cannot be written to,
 * and a numeric user: with a named one the kubelet cannot tell that it is not root.
 */
export const podSecurity: Rule = ({ pods }) =>
  pods.flatMap((pod) => [...podProblems(pod), ...containersOf(pod).flatMap((c) => containerProblems(pod, c))]);

function podProblems({ id, spec }: Pod): string[] {
  const problems: string[] = [];
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (spec[field]) problems.push(`${id}: ${field} is set`);
  }
  for (const volume of spec.volumes ?? []) {
    const kind = Object.keys(volume).find((key) => key !== 'name');
    if (kind !== undefined && !allowedVolumes.includes(kind))
      problems.push(`${id}: volume ${volume.name} is a ${kind}`);
  }
  for (const { name } of spec.securityContext?.sysctls ?? []) {
    if (!safeSysctls.includes(name)) problems.push(`${id}: sysctl ${name} is not among the safe ones`);
  }
  return [...problems, ...profileProblems(id, spec.securityContext ?? {})];
}

function containerProblems(pod: Pod, container: Container): string[] {
  const where = `${pod.id}: container ${container.name}`;
  const own = container.securityContext ?? {};
  const effective = { ...pod.spec.securityContext, ...own };
  const problems: string[] = [];
  const unless = (isFine: boolean, problem: string) => {
    if (!isFine) problems.push(`${where}: ${problem}`);
  };
  unless(own.privileged !== true, 'is privileged');
  unless(own.allowPrivilegeEscalation === false, 'allowPrivilegeEscalation is not false');
  unless(effective.runAsNonRoot === true, 'runAsNonRoot is not true');
  unless(Number.isInteger(effective.runAsUser) && effective.runAsUser !== 0, 'runAsUser is not the number of a user');
  unless(
    ['RuntimeDefault', 'Localhost'].includes(effective.seccompProfile?.type ?? ''),
    'seccompProfile is not RuntimeDefault',
  );
  unless(own.capabilities?.drop?.includes('ALL') === true, 'does not drop ALL capabilities');
  for (const added of own.capabilities?.add ?? []) unless(added === 'NET_BIND_SERVICE', `adds the capability ${added}`);
  unless(own.readOnlyRootFilesystem === true, 'readOnlyRootFilesystem is not true');
  unless((own.procMount ?? 'Default') === 'Default', `procMount is ${own.procMount}`);
  for (const { hostPort } of container.ports ?? [])
    unless(hostPort === undefined, `takes port ${hostPort} of its host`);
  return [...problems, ...profileProblems(where, own)];
}

function profileProblems(where: string, { seLinuxOptions, appArmorProfile }: SecurityContext): string[] {
  const problems: string[] = [];
  if (seLinuxOptions?.user !== undefined || seLinuxOptions?.role !== undefined) {
    problems.push(`${where}: sets a user or role of SELinux`);
  }
  if (appArmorProfile?.type === 'Unconfined') problems.push(`${where}: AppArmor is Unconfined`);
  return problems;
}
