import { buildImage, IMAGES } from '../../../scripts/build-images.ts';
import { engineVersion } from './docker.ts';

/** Before all tests, once: images of what is in this folder now. GATECAST_TEST_BUILD=0 takes those that are there. */
export async function setup(): Promise<void> {
  await engineVersion();
  if (process.env.GATECAST_TEST_BUILD === '0') return;
  for (const service of IMAGES) await buildImage(service);
}
