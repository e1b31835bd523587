import { describe } from 'vitest';
import { scaling } from '../../src/rules/scaling.ts';
import { object, withMore } from '../good-release.ts';
import { inContainer, inSpec, itSees } from '../sees.ts';

const hpa = 'HorizontalPodAutoscaler/gatecast-mqtt-publisher';
const publisher = 'Deployment/gatecast-mqtt-publisher';
const withSpec = (change: object) => inSpec(hpa, (spec) => void Object.assign(spec, change));

describe('scaling', () => {
  itSees(scaling, [
    [
      'a target that is not there',
      withSpec({ scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'publisher' } }),
      `${hpa}: scales Deployment/publisher, which is not there`,
    ],
    [
      'replicas beside a scaler',
      inSpec(publisher, (spec) => {
        spec.replicas = 2;
      }),
      `${hpa}: ${publisher} has replicas of its own`,
    ],
    ['no pod at all', withSpec({ minReplicas: 0 }), `${hpa}: scales down to nothing, and nobody holds the sessions`],
    ['bounds the wrong way round', withSpec({ minReplicas: 5 }), `${hpa}: its least (5) is more than its most (4)`],
    ['silence on the way down', withSpec({ behavior: undefined }), `${hpa}: says nothing about how it scales down`],
    [
      'a share of CPU of what requests none',
      inContainer(publisher, (container) => {
        container.resources = { requests: { memory: '1Mi' } };
      }),
      `${hpa}: container mqtt-publisher requests no cpu`,
    ],
    [
      'two scalers',
      withMore(
        object('keda.sh/v1alpha1', 'ScaledObject', 'keda', {
          spec: { scaleTargetRef: { name: 'gatecast-mqtt-publisher' }, minReplicaCount: 1, maxReplicaCount: 2 },
        }),
      ),
      `${publisher}: is scaled by two at once`,
    ],
  ]);
});
