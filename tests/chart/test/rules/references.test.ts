import { describe, expect, it } from 'vitest';
import { Release } from '../../src/release.ts';
import { references } from '../../src/rules/references.ts';
import { changed, goodRelease, object, withMore, without } from '../good-release.ts';
import { inContainer, inPod, inSpec, itSees } from '../sees.ts';

const api = 'Deployment/gatecast-config-api';
const encoder = 'Deployment/gatecast-encoder';
const publisher = 'Deployment/gatecast-mqtt-publisher';
const job = 'Job/gatecast-setup';

describe('references', () => {
  itSees(references, [
    [
      'a missing Secret',
      without('Secret/gatecast-keys'),
      `${publisher}: needs Secret/gatecast-keys, which is not there`,
    ],
    [
      'a missing key',
      changed('Secret/gatecast-keys', (secret) => {
        secret.data = { key: '' };
      }),
      `${publisher}: needs keys of Secret/gatecast-keys, which has key`,
    ],
    [
      'a missing Secret of a variable',
      inContainer(encoder, (container) => {
        container.env?.push({ name: 'X', valueFrom: { secretKeyRef: { name: 'x', key: 'y' } } });
      }),
      `${encoder}: needs Secret/x, which is not there`,
    ],
    [
      'a missing pull secret',
      inPod(encoder, (spec) => {
        spec.imagePullSecrets = [{ name: 'registry' }];
      }),
      `${encoder}: needs Secret/registry, which is not there`,
    ],
    [
      'a missing ServiceAccount',
      without('ServiceAccount/gatecast-setup'),
      `${job}: needs ServiceAccount/gatecast-setup, which is not there`,
    ],
    [
      'a hook that comes before what it needs',
      changed('ServiceAccount/gatecast-setup', (account) => {
        account.metadata.annotations = { 'helm.sh/hook': 'pre-install', 'helm.sh/hook-weight': '1' };
      }),
      `${job}: runs before ServiceAccount/gatecast-setup is there`,
    ],
    [
      'a hook that needs what is no hook',
      changed('ServiceAccount/gatecast-setup', (account) => {
        account.metadata.annotations = {};
      }),
      `${job}: runs before ServiceAccount/gatecast-setup is there`,
    ],
    [
      'a mount of no volume',
      inPod(api, (spec) => {
        spec.volumes = [];
      }),
      `${api}: container config-api mounts sealing, which is no volume`,
    ],
    [
      'a volume that nobody mounts',
      inPod(api, (spec) => {
        spec.volumes?.push({ name: 'tmp', emptyDir: {} });
      }),
      `${api}: nobody mounts tmp`,
    ],
    [
      'two mounts at one path',
      inContainer(api, (container) => {
        container.volumeMounts?.push({ name: 'sealing', mountPath: '/etc/gatecast/secrets/sealing' });
      }),
      `${api}: container config-api mounts two volumes at /etc/gatecast/secrets/sealing`,
    ],
    [
      'an Ingress to no Service',
      without('Service/gatecast-config-api'),
      'Ingress/gatecast-config-api: its backend Service/gatecast-config-api is not there',
    ],
    [
      'an Ingress to no port',
      inSpec('Service/gatecast-config-api', (spec) => {
        spec.ports = [{ name: 'web', port: 80 }];
      }),
      'Ingress/gatecast-config-api: Service/gatecast-config-api has no port http',
    ],
    [
      'a certificate that nobody issues',
      changed('Ingress/gatecast-config-api', ({ metadata }) => {
        metadata.annotations = {};
      }),
      'Ingress/gatecast-config-api: needs Secret/config-api-tls, which is not there',
    ],
    [
      'an HTTPRoute to no port',
      inSpec('HTTPRoute/gatecast-config-api', (spec) => {
        spec.rules = [{ backendRefs: [{ name: 'gatecast-config-api', port: 8080 }] }];
      }),
      'HTTPRoute/gatecast-config-api: Service/gatecast-config-api has no port 8080',
    ],
    [
      'a binding of no Role',
      withMore({
        ...object('rbac.authorization.k8s.io/v1', 'RoleBinding', 'setup'),
        ...{ roleRef: { kind: 'Role', name: 'setup' }, subjects: [{ kind: 'ServiceAccount', name: 'gatecast-setup' }] },
      }),
      'RoleBinding/setup: binds Role/setup, which is not there',
    ],
  ]);

  it('accepts what is declared to be there', () => {
    const manifests = goodRelease().filter(({ kind }) => kind !== 'Secret');
    expect(references(new Release(manifests, ['Secret/gatecast-keys']))).toEqual([]);
  });
});
