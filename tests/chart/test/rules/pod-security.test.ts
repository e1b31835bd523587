import { describe } from 'vitest';
import type { SecurityContext } from '../../src/kubernetes.ts';
import { podSecurity } from '../../src/rules/pod-security.ts';
import { inContainer, inPod, itSees } from '../sees.ts';

const encoder = 'Deployment/gatecast-encoder';
const job = 'Job/gatecast-setup';

const ofContainer = (id: string, change: Partial<Record<keyof SecurityContext, unknown>>) =>
  inContainer(id, (container) => {
    Object.assign(container.securityContext ?? {}, change);
  });
const ofPod = (id: string, change: Partial<Record<keyof SecurityContext, unknown>>) =>
  inPod(id, (spec) => {
    Object.assign(spec.securityContext ?? {}, change);
  });

describe('Pod Security restricted', () => {
  const where = `${encoder}: container encoder`;

  itSees(podSecurity, [
    ['a privileged container', ofContainer(encoder, { privileged: true }), `${where}: is privileged`],
    [
      'privilege escalation',
      ofContainer(encoder, { allowPrivilegeEscalation: undefined }),
      `${where}: allowPrivilegeEscalation is not false`,
    ],
    ['a user that may be root', ofPod(encoder, { runAsNonRoot: undefined }), `${where}: runAsNonRoot is not true`],
    [
      'a container that takes the pod’s word back',
      ofContainer(encoder, { runAsNonRoot: false }),
      `${where}: runAsNonRoot is not true`,
    ],
    ['root', ofContainer(encoder, { runAsUser: 0 }), `${where}: runAsUser is not the number of a user`],
    [
      'a user without a number',
      ofPod(encoder, { runAsUser: undefined }),
      `${where}: runAsUser is not the number of a user`,
    ],
    [
      'no seccomp profile',
      ofPod(encoder, { seccompProfile: undefined }),
      `${where}: seccompProfile is not RuntimeDefault`,
    ],
    [
      'an unconfined container',
      ofContainer(encoder, { seccompProfile: { type: 'Unconfined' } }),
      `${where}: seccompProfile is not RuntimeDefault`,
    ],
    [
      'capabilities in a hook',
      ofContainer(job, { capabilities: { drop: ['NET_RAW'] } }),
      `${job}: container setup: does not drop ALL capabilities`,
    ],
    [
      'an added capability',
      ofContainer(encoder, { capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] } }),
      `${where}: adds the capability SYS_ADMIN`,
    ],
    [
      'a root file system that can be written to',
      ofContainer(encoder, { readOnlyRootFilesystem: false }),
      `${where}: readOnlyRootFilesystem is not true`,
    ],
    ['an unmasked /proc', ofContainer(encoder, { procMount: 'Unmasked' }), `${where}: procMount is Unmasked`],
    [
      'a user of SELinux',
      ofPod(encoder, { seLinuxOptions: { user: 'system_u' } }),
      `${encoder}: sets a user or role of SELinux`,
    ],
    [
      'no AppArmor',
      ofContainer(encoder, { appArmorProfile: { type: 'Unconfined' } }),
      `${where}: AppArmor is Unconfined`,
    ],
    [
      'a sysctl',
      ofPod(encoder, { sysctls: [{ name: 'kernel.msgmax' }] }),
      `${encoder}: sysctl kernel.msgmax is not among the safe ones`,
    ],
    [
      'the network of the host',
      inPod(encoder, (spec) => {
        spec.hostNetwork = true;
      }),
      `${encoder}: hostNetwork is set`,
    ],
    [
      'a folder of the host',
      inPod(encoder, (spec) => {
        spec.volumes = [{ name: 'host', hostPath: { path: '/' } } as never];
      }),
      `${encoder}: volume host is a hostPath`,
    ],
    [
      'a port of the host',
      inContainer(encoder, (container) => {
        container.ports = [{ containerPort: 9090, hostPort: 9090 }];
      }),
      `${where}: takes port 9090 of its host`,
    ],
    [
      'an init container without a security context',
      inPod(encoder, (spec) => {
        spec.initContainers = [{ name: 'init' }];
      }),
      `${encoder}: container init: allowPrivilegeEscalation is not false`,
    ],
  ]);
});
