import { describe } from 'vitest';
import { names } from '../../src/rules/names.ts';
import { changed, object, withMore } from '../good-release.ts';
import { itSees } from '../sees.ts';

describe('names', () => {
  const long = 'x'.repeat(64);

  itSees(names, [
    ['an object twice', withMore(object('v1', 'Secret', 'gatecast-keys')), 'Secret/gatecast-keys: is there twice'],
    ['capitals', withMore(object('v1', 'Secret', 'Keys')), 'Secret/Keys: its name is no DNS label'],
    [
      'a name that is too long',
      withMore(object('v1', 'Service', long)),
      `Service/${long}: its name has 64 characters, more than 63`,
    ],
    [
      'a missing label',
      changed('Secret/gatecast-keys', ({ metadata }) => {
        metadata.labels = { 'app.kubernetes.io/name': 'gatecast' };
      }),
      'Secret/gatecast-keys: has no label app.kubernetes.io/instance',
    ],
  ]);
});
