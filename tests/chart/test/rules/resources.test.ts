import { describe, expect, it } from 'vitest';
import { quantityOf } from '../../src/quantities.ts';
import { resources } from '../../src/rules/resources.ts';
import { inContainer, itSees, withVariable } from '../sees.ts';

const encoder = 'Deployment/gatecast-encoder';
const where = `${encoder}: container encoder`;
const withResources = (requests: Record<string, string>, limits: Record<string, string>) =>
  inContainer(encoder, (container) => {
    container.resources = { requests, limits };
  });

describe('resources', () => {
  itSees(resources, [
    ['no request', withResources({ memory: '64Mi' }, { memory: '64Mi' }), `${where}: requests no cpu`],
    ['no limit of memory', withResources({ cpu: '1', memory: '64Mi' }, {}), `${where}: has no limit of memory`],
    [
      'a request above the limit',
      withResources({ cpu: '1', memory: '1Gi' }, { memory: '512Mi' }),
      `${where}: requests more memory (1Gi) than its limit (512Mi)`,
    ],
    [
      'what is no quantity',
      withResources({ cpu: 'much', memory: '64Mi' }, { memory: '64Mi' }),
      `${where}: much is no quantity of cpu`,
    ],
    [
      'a heap that fills the container',
      withVariable(encoder, 'NODE_OPTIONS', '--max-old-space-size=250'),
      `${where}: a heap of 250 MiB leaves too little of 256Mi`,
    ],
    [
      'the same as an argument',
      inContainer(encoder, (container) => {
        container.command = ['node', '--max-old-space-size=256', 'dist/main.js'];
      }),
      `${where}: a heap of 256 MiB leaves too little of 256Mi`,
    ],
  ]);

  it.each([
    ['100m', 0.1],
    ['2', 2],
    [2, 2],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['128Mi', 128 * 2 ** 20],
    ['1G', 1e9],
    ['1GiB', Number.NaN],
    ['', Number.NaN],
  ])('quantity %s is %d', (text, value) => {
    expect(quantityOf(text)).toBe(value);
  });
});
