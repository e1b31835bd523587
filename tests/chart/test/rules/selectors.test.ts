import { describe, expect, it } from 'vitest';
import { selectors } from '../../src/rules/selectors.ts';
import { matches } from '../../src/selectors.ts';
import { changed } from '../good-release.ts';
import { inPod, inSpec, itSees } from '../sees.ts';

const encoder = 'Deployment/gatecast-encoder';
const nats = 'StatefulSet/gatecast-nats';

describe('selectors', () => {
  itSees(selectors, [
    [
      'a workload that does not select its own pods',
      changed(encoder, ({ spec }) => {
        spec.template.metadata.labels = {};
      }),
      `${encoder}: does not select its own pods`,
    ],
    [
      'a workload that selects those of another',
      inSpec(encoder, (spec) => {
        spec.selector = { matchLabels: { 'app.kubernetes.io/name': 'gatecast' } };
      }),
      `${encoder}: selects the pods of ${nats} too`,
    ],
    [
      'a label that an upgrade changes',
      inSpec(encoder, (spec) => {
        spec.selector = { matchLabels: { 'app.kubernetes.io/version': '1' } };
      }),
      `${encoder}: selects by app.kubernetes.io/version, which an upgrade changes`,
    ],
    [
      'a Service without pods',
      inSpec('Service/gatecast-nats', (spec) => {
        spec.selector = { app: 'nats' };
      }),
      'Service/gatecast-nats: selects no pod',
    ],
    [
      'a Service with a port that nobody names',
      inSpec('Service/gatecast-config-api', (spec) => {
        spec.ports = [{ port: 80, targetPort: 'web' }];
      }),
      'Service/gatecast-config-api: no container of Deployment/gatecast-config-api names port web',
    ],
    [
      'a StatefulSet without its Service',
      inSpec(nats, (spec) => {
        spec.serviceName = 'other';
      }),
      `${nats}: its Service other is not there`,
    ],
    [
      'a StatefulSet whose Service has an address',
      inSpec(nats, (spec) => {
        spec.serviceName = 'gatecast-nats';
      }),
      `${nats}: its Service gatecast-nats is not headless`,
    ],
    [
      'a PodMonitor that asks at no port',
      inSpec('PodMonitor/gatecast', (spec) => {
        spec.podMetricsEndpoints = [{ port: 'metrics' }];
      }),
      'PodMonitor/gatecast: no container of Deployment/gatecast-mqtt-publisher names port metrics',
    ],
    [
      'a ServiceMonitor that asks at no port',
      inSpec('ServiceMonitor/gatecast', (spec) => {
        spec.endpoints = [{ port: 'metrics' }];
      }),
      'ServiceMonitor/gatecast: Service/gatecast-nats has no port metrics',
    ],
    [
      'a topology spread that counts others',
      inPod(encoder, (spec) => {
        spec.topologySpreadConstraints = [{ labelSelector: { matchLabels: { app: 'encoder' } } }];
      }),
      `${encoder}: a topology spread constraint does not count its own pods`,
    ],
  ]);

  it.each([
    ['In', ['a', 'b'], true],
    ['In', ['b'], false],
    ['NotIn', ['b'], true],
    ['NotIn', ['a'], false],
    ['Exists', undefined, true],
    ['DoesNotExist', undefined, false],
  ] as const)('x = a, with x %s %s: %s', (operator, values, expected) => {
    expect(matches({ matchExpressions: [{ key: 'x', operator, ...(values && { values }) }] }, { x: 'a' })).toBe(
      expected,
    );
  });
});
