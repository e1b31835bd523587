import { describe } from 'vitest';
import { networkPolicies } from '../../src/rules/network-policies.ts';
import { object, withMore } from '../good-release.ts';
import { inSpec, itSees } from '../sees.ts';

describe('network policies', () => {
  itSees(networkPolicies, [
    [
      'a direction that no policy is about',
      inSpec('NetworkPolicy/gatecast', (spec) => {
        spec.policyTypes = ['Ingress'];
      }),
      'Job/gatecast-setup: no NetworkPolicy says anything about its Egress',
    ],
    [
      'a pod that no policy selects',
      inSpec('NetworkPolicy/gatecast', (spec) => {
        spec.podSelector = { matchLabels: { 'app.kubernetes.io/component': 'encoder' } };
      }),
      'Deployment/gatecast-config-api: no NetworkPolicy says anything about its Ingress',
    ],
    [
      'a policy without pods',
      withMore(
        object('networking.k8s.io/v1', 'NetworkPolicy', 'none', {
          spec: { podSelector: { matchLabels: { app: 'none' } } },
        }),
      ),
      'NetworkPolicy/none: selects no pod',
    ],
    [
      'a port that nobody names',
      inSpec('NetworkPolicy/gatecast-nats', (spec) => {
        spec.ingress = [{ ports: [{ port: 'clients' }] }];
      }),
      'NetworkPolicy/gatecast-nats: none of its pods names port clients',
    ],
  ]);
});
