import { expect, test } from 'vitest';
import { isReady, isRolledOut, type Pod, type Workload } from '../../src/cluster/resources.ts';

test('a workload is rolled out when all of its pods, and no others, are of its present generation and ready', () => {
  const workload = (status: Workload['status']): Workload => ({
    metadata: { name: 'encoder', generation: 3 },
    spec: { replicas: 2 },
    status,
  });
  const done = { observedGeneration: 3, replicas: 2, updatedReplicas: 2, readyReplicas: 2 };
  expect(isRolledOut(workload(done))).toBe(true);
  expect(isRolledOut(workload({ ...done, observedGeneration: 2 }))).toBe(false);
  expect(isRolledOut(workload({ ...done, replicas: 3 }))).toBe(false);
  expect(isRolledOut(workload({ ...done, updatedReplicas: 1 }))).toBe(false);
  expect(isRolledOut(workload({ ...done, readyReplicas: 1 }))).toBe(false);
  expect(isRolledOut(workload({ observedGeneration: 3 }))).toBe(false);
  expect(isRolledOut({ ...workload({ observedGeneration: 3 }), spec: { replicas: 0 } })).toBe(true);
});

test('a pod that is on its way out is not ready', () => {
  const pod: Pod = {
    metadata: { name: 'encoder-1' },
    spec: { containers: [] },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  };
  expect(isReady(pod)).toBe(true);
  expect(isReady({ ...pod, status: {} })).toBe(false);
  expect(isReady({ ...pod, metadata: { name: 'encoder-1', deletionTimestamp: '2026-01-01T00:00:00Z' } })).toBe(false);
});
