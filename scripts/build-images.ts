/**
 * Builds the images that docker/images.json lists, of what is in this folder now:
 * npm run images [-- --only encoder,config-api]
 *
 * Names as GATECAST_IMAGE_REGISTRY, GATECAST_IMAGE_REPOSITORY and GATECAST_IMAGE_TAG say; GATECAST_NODE_IMAGE is another
 * base. Needs a Docker engine with BuildKit.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeImage, serviceImage } from '@gatecast/shared/testing';

const root = join(import.meta.dirname, '..');

/** Services that there is an image of. */
export const IMAGES: readonly string[] = Object.keys(
  JSON.parse(readFileSync(join(root, 'docker/images.json'), 'utf8')) as object,
);

/** Returns the image's name. What Docker says goes to standard error. */
export async function buildImage(service: string): Promise<string> {
  const name = serviceImage(service);
  const args = {
    SERVICE: service,
    NODE_IMAGE: nodeImage(),
    VERSION: (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
    REVISION: git('rev-parse', 'HEAD') ?? 'unknown',
    CREATED: git('log', '-1', '--format=%cI') ?? '1970-01-01T00:00:00Z',
  };
  const buildArgs = Object.entries(args).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]);
  const build = spawn('docker', ['build', '--file', 'docker/Dockerfile', ...buildArgs, '--tag', name, '.'], {
    cwd: root,
    env: { ...process.env, DOCKER_BUILDKIT: '1' },
    stdio: ['ignore', 2, 2],
  });
  const [code] = (await once(build, 'close')) as [number | null];
  if (code !== 0) throw new Error(`docker build of ${name} failed (exit code ${code})`);
  return name;
}

/** Undefined outside of a clone. */
function git(...args: string[]): string | undefined {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { only: { type: 'string' } } });
  const wanted = values.only?.split(',') ?? IMAGES;
  const unknown = wanted.find((service) => !IMAGES.includes(service));
  if (unknown !== undefined) throw new TypeError(`there is no image of ${unknown}, only of ${IMAGES.join(', ')}`);
  // One after the other: they share most of their stages.
  for (const service of wanted) process.stdout.write(`${await buildImage(service)}\n`);
}
