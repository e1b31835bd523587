import { describe } from 'vitest';
import { images } from '../../src/rules/images.ts';
import { inContainer, itSees } from '../sees.ts';

const encoder = 'Deployment/gatecast-encoder';
const withImage = (image: string) =>
  inContainer(encoder, (container) => {
    container.image = image;
  });
const line = (image: string) =>
  `${encoder}: container encoder: image ${image} has no tag and no digest, or is no name of an image`;

describe('images', () => {
  itSees(images, [
    ['a missing tag', withImage('gatecast/encoder'), line('gatecast/encoder')],
    ['an empty tag', withImage('gatecast/encoder:'), line('gatecast/encoder:')],
    ['an empty registry', withImage('/gatecast/encoder:1'), line('/gatecast/encoder:1')],
    [
      'a tag that moves',
      withImage('gatecast/encoder:latest'),
      `${encoder}: container encoder: image gatecast/encoder:latest is another one tomorrow`,
    ],
    [
      'a missing pull policy',
      inContainer('Job/gatecast-setup', (container) => {
        delete container.imagePullPolicy;
      }),
      'Job/gatecast-setup: container setup: has no imagePullPolicy',
    ],
  ]);
});
