import { describe } from 'vitest';
import { termination } from '../../src/rules/termination.ts';
import { inContainer, inPod, itSees } from '../sees.ts';

const api = 'Deployment/gatecast-config-api';
const encoder = 'Deployment/gatecast-encoder';

describe('termination', () => {
  itSees(termination, [
    [
      'a grace period that is shorter than a stop may take',
      inPod(encoder, (spec) => {
        spec.terminationGracePeriodSeconds = 20;
      }),
      `${encoder}: container encoder: is killed after 20 s, and may need 30 s: 0 s of preStop, 30 s to stop`,
    ],
    [
      'a preStop hook that eats it up',
      inContainer(encoder, (container) => {
        container.lifecycle = { preStop: { sleep: { seconds: 16 } } };
      }),
      `${encoder}: container encoder: is killed after 45 s, and may need 46 s: 16 s of preStop, 30 s to stop`,
    ],
    [
      'a server that stops while requests come',
      inContainer(api, (container) => {
        delete container.lifecycle;
      }),
      `${api}: container config-api: stops 0 s after it was asked to, while requests still come`,
    ],
  ]);
});
