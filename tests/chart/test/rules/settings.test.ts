import { describe, expect, it } from 'vitest';
import { Release } from '../../src/release.ts';
import { settings } from '../../src/rules/settings.ts';
import { goodRelease, object, withMore, without } from '../good-release.ts';
import { inContainer, inSpec, itSees, withVariable } from '../sees.ts';

const api = 'Deployment/gatecast-config-api';
const encoder = 'Deployment/gatecast-encoder';
const publisher = 'Deployment/gatecast-mqtt-publisher';
const where = `${encoder}: container encoder`;

describe('settings', () => {
  itSees(settings, [
    [
      'a variable that the service does not know',
      withVariable(encoder, 'GATECAST_HTTP_PORT', '8080'),
      `${where}: GATECAST_HTTP_PORT: unknown setting`,
    ],
    [
      'a value that the service refuses',
      withVariable(encoder, 'GATECAST_PARTITIONS', '6.4e1'),
      `${where}: GATECAST_PARTITIONS: must be integer`,
    ],
    [
      'a required one that is missing',
      inContainer(api, (container) => {
        container.env = [];
      }),
      `${api}: container config-api: GATECAST_SEALING_PUBLIC_KEYS_FILE: is required`,
    ],
    [
      'a file that no volume holds',
      withVariable(api, 'GATECAST_SEALING_PUBLIC_KEYS_FILE', '/etc/public.json'),
      `${api}: container config-api: GATECAST_SEALING_PUBLIC_KEYS_FILE: /etc/public.json: no volume is mounted there`,
    ],
    [
      'a file that the volume does not have',
      withVariable(publisher, 'GATECAST_SEALING_PRIVATE_KEYS_FILE', '/etc/gatecast/secrets/sealing/keys'),
      `${publisher}: container mqtt-publisher: GATECAST_SEALING_PRIVATE_KEYS_FILE: /etc/gatecast/secrets/sealing/keys: volume sealing has no keys`,
    ],
    [
      'a variable twice',
      inContainer(encoder, (container) => {
        const variable = { name: 'GATECAST_LOG_LEVEL', value: 'info' };
        container.env?.push(variable, variable);
      }),
      `${where}: GATECAST_LOG_LEVEL is there twice, and the last one counts`,
    ],
    [
      'an admin port that is not the one it listens on',
      withVariable(encoder, 'GATECAST_ADMIN_PORT', '9091'),
      `${where}: listens on 9091, and its port admin is 9090`,
    ],
    [
      'an instance that two pods share',
      withVariable(encoder, 'GATECAST_INSTANCE', 'encoder'),
      `${where}: its instance is encoder, not the name of the pod`,
    ],
    [
      'a NATS that is not there',
      without('Service/gatecast-nats'),
      `${where}: nothing in the release is called gatecast-nats`,
    ],
    [
      'a NATS that listens elsewhere',
      inSpec('Service/gatecast-nats', (spec) => {
        spec.ports = [{ port: 14_222, targetPort: 'client' }];
      }),
      `${where}: Service/gatecast-nats has no port 4222`,
    ],
    [
      'services that do not agree on the partitions',
      withVariable(encoder, 'GATECAST_PARTITIONS', '32'),
      'the services do not agree on the number of partitions: 64, 32',
    ],
    [
      'two workloads of one fleet',
      withMore({
        ...object('apps/v1', 'Deployment', 'other'),
        spec: goodRelease().find(({ metadata, kind }) => `${kind}/${metadata.name}` === publisher)?.spec,
      }),
      'two workloads serve the fleet default',
    ],
  ]);

  it('reads variables of a ConfigMap, and references to variables before', () => {
    const release = inContainer(encoder, (container) => {
      container.envFrom = [{ configMapRef: { name: 'variables' } }];
      container.env?.push({ name: 'POD', value: 'x' }, { name: 'GATECAST_LOG_LEVEL', value: '$(POD)' });
    });
    const map = object('v1', 'ConfigMap', 'variables', { data: { GATECAST_NATS: 'x' } });
    expect(settings(new Release([...release.manifests, map]))).toEqual([
      `${where}: GATECAST_NATS: unknown setting`,
      expect.stringMatching(/GATECAST_LOG_LEVEL: must be equal to one of the allowed values/),
    ]);
  });

  it('takes a Secret that is declared to be there for one that has every key', () => {
    const manifests = goodRelease().filter(({ kind }) => kind !== 'Secret');
    expect(settings(new Release(manifests, ['Secret/gatecast-keys']))).toEqual([]);
    expect(settings(new Release(manifests))).not.toEqual([]);
  });
});
