import { describe } from 'vitest';
import { probes } from '../../src/rules/probes.ts';
import { inContainer, itSees } from '../sees.ts';

const encoder = 'Deployment/gatecast-encoder';
const where = `${encoder}: container encoder`;
const nats = 'StatefulSet/gatecast-nats';

describe('probes', () => {
  itSees(probes, [
    [
      'a missing one',
      inContainer(encoder, (container) => {
        delete container.startupProbe;
      }),
      `${where}: has no startupProbe`,
    ],
    [
      'liveness that depends on NATS',
      inContainer(encoder, (container) => {
        container.livenessProbe = { httpGet: { path: '/readyz', port: 'admin' } };
      }),
      `${where}: livenessProbe asks /readyz, not /livez`,
    ],
    [
      'readiness that asks for a connection only',
      inContainer(encoder, (container) => {
        container.readinessProbe = { tcpSocket: { port: 'admin' } };
      }),
      `${where}: readinessProbe asks no path, not /readyz`,
    ],
    [
      'a port that nobody names',
      inContainer(nats, (container) => {
        container.readinessProbe = { httpGet: { path: '/healthz', port: 'monitoring' } };
      }),
      `${nats}: container nats: readinessProbe asks port monitoring, which no container names`,
    ],
    [
      'one question asked twice',
      inContainer(nats, (container) => {
        container.readinessProbe = { ...container.livenessProbe, periodSeconds: 5 };
      }),
      `${nats}: container nats: liveness and readiness are the same question`,
    ],
  ]);
});
