import { describe } from 'vitest';
import { disruption } from '../../src/rules/disruption.ts';
import { object, withMore, without } from '../good-release.ts';
import { inSpec, itSees } from '../sees.ts';

const budget = (name: string, component: string, spec: object) =>
  object('policy/v1', 'PodDisruptionBudget', name, {
    spec: { ...spec, selector: { matchLabels: { 'app.kubernetes.io/component': component } } },
  });

describe('disruption', () => {
  itSees(disruption, [
    [
      'several pods without a budget',
      without('PodDisruptionBudget/gatecast-encoder'),
      'Deployment/gatecast-encoder: has several pods and no PodDisruptionBudget',
    ],
    [
      'a scaled workload of at least two without one',
      inSpec('HorizontalPodAutoscaler/gatecast-mqtt-publisher', (spec) => {
        spec.minReplicas = 2;
      }),
      'Deployment/gatecast-mqtt-publisher: has several pods and no PodDisruptionBudget',
    ],
    [
      'one that forbids every eviction',
      inSpec('PodDisruptionBudget/gatecast-encoder', (spec) => {
        spec.maxUnavailable = 0;
      }),
      'PodDisruptionBudget/gatecast-encoder: keeps all 2 pods of Deployment/gatecast-encoder: no node with one of them can be drained',
    ],
    [
      'one that keeps more than half of a single pod',
      withMore(budget('nats', 'nats', { minAvailable: '51%' })),
      'PodDisruptionBudget/nats: keeps all 1 pods of StatefulSet/gatecast-nats: no node with one of them can be drained',
    ],
    [
      'one for nobody',
      withMore(budget('none', 'none', { maxUnavailable: 1 })),
      'PodDisruptionBudget/none: selects no pod',
    ],
    [
      'two for the same pods',
      withMore(budget('other', 'encoder', { maxUnavailable: 1 })),
      'Deployment/gatecast-encoder: has several PodDisruptionBudgets, and then none of its pods can be evicted',
    ],
    [
      'one for two workloads',
      withMore(
        object('policy/v1', 'PodDisruptionBudget', 'all', {
          spec: { maxUnavailable: 1, selector: { matchLabels: { 'app.kubernetes.io/name': 'gatecast' } } },
        }),
      ),
      'PodDisruptionBudget/all: selects pods of Deployment/gatecast-config-api and Deployment/gatecast-encoder and ' +
        'Deployment/gatecast-mqtt-publisher and StatefulSet/gatecast-nats',
    ],
  ]);
});
