import { expect, it } from 'vitest';
import { summarise } from '../../src/measuring/cpu-profile.ts';
import { summariseHeap } from '../../src/measuring/heap-snapshot.ts';

it('shares the busy time of a CPU profile out by package and by file of our own', () => {
  const node = (id: number, url: string, functionName = 'f') => ({ id, callFrame: { functionName, url } });
  const profile = {
    nodes: [
      node(1, '', '(idle)'),
      node(2, 'file:///x/node_modules/@nats-io/core/a.js'),
      node(3, 'file:///x/services/e/src/a.ts'),
    ],
    samples: [1, 2, 3, 3],
    timeDeltas: [1000, 10, 20, 10],
  };
  expect(summarise(profile)).toEqual([
    { where: 'services/e/src/a.ts', share: 0.75 },
    { where: '@nats-io/core', share: 0.25 },
  ]);
});

it('adds up a heap snapshot by constructor, and by kind for what has none', () => {
  const snapshot = {
    snapshot: {
      meta: {
        node_fields: ['type', 'name', 'id', 'self_size'],
        node_types: [['object', 'closure'], 'string', 'number', 'number'] as [string[], ...unknown[]],
      },
    },
    strings: ['Socket', 'onData'],
    nodes: [0, 0, 1, 100, 1, 1, 2, 64, 0, 0, 3, 50],
  };
  expect(summariseHeap(snapshot)).toEqual([
    { name: 'Socket', count: 2, bytes: 150 },
    { name: '(closure)', count: 1, bytes: 64 },
  ]);
});
