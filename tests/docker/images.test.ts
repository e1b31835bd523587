import { nodeImage, serviceImage } from '@gatecast/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IMAGES } from '../../scripts/build-images.ts';
import { docker, inspect } from './support/docker.ts';
import { ImageRun } from './support/image-run.ts';

const MAX_MB = 90;
/** `GATECAST_TEST_SLACK` multiplies it, on a machine that has more to do. */
const READY_WITHIN_MS = 3_000 * Number(process.env.GATECAST_TEST_SLACK || 1);
/** config-api makes the streams that the others wait for; they come after it. */
const SERVICES = ['config-api', 'sensor-ingest', 'encoder', 'mqtt-publisher', 'simulator'];

const megabytes = async (image: string) => (await inspect<number>('image', image, '.Size')) / 1e6;

describe.each(IMAGES)('the image of %s', (service) => {
  const image = serviceImage(service);

  test(`adds at most ${MAX_MB} MB to its base`, async () => {
    const added = (await megabytes(image)) - (await megabytes(nodeImage()));
    console.info(`${service}: ${added.toFixed(1)} MB`);
    expect(added).toBeLessThanOrEqual(MAX_MB);
  });

  test('runs as a user without a name, says what it is, and shows its health', async () => {
    const config = await inspect<Record<string, unknown>>('image', image, '.Config');
    expect(config.User).toBe('10001:10001');
    expect(config.Labels).toMatchObject({
      'org.opencontainers.image.title': `gatecast ${service}`,
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': '0.1.0',
      'org.opencontainers.image.base.name': nodeImage(),
    });
    expect(config.Healthcheck).toMatchObject({ Test: ['CMD', 'node', '-e', expect.stringContaining('/readyz')] });
    expect(config.Cmd).toEqual(['node', 'main.js']);
  });

  test('has neither sources nor tests, and nothing that only development needs', async () => {
    const list = ['run', '--rm', '--network', 'none', '--entrypoint', 'find', image, '/app', '-not', '-type', 'd'];
    const files = (await docker(list)).split('\n');
    const unneeded =
      /\.(ts|mts|cts|map|tsbuildinfo)$|\/node_modules\/(typescript|vitest|turbo|@biomejs|testcontainers)\b/;
    expect(files.filter((file) => unneeded.test(file))).toEqual([]);
    expect(files).toContain('/app/LICENSE');
  });
});

describe('with a read-only root, no capabilities and its own user', () => {
  let run: ImageRun;
  beforeAll(async () => {
    run = await ImageRun.start();
  });
  afterAll(() => run.stop());

  test.each(SERVICES)(`%s is ready within ${READY_WITHIN_MS} ms, then healthy`, async (service) => {
    await run.startService(service);
    const container = run.containerOf(service);
    const ms = await run.readyAfterMs(container);
    console.info(`${service}: ready after ${ms} ms`);
    expect(ms).toBeLessThanOrEqual(READY_WITHIN_MS);
    await run.untilHealthy(container);
  });

  test.each(SERVICES)('%s ends cleanly when it is told to', async (service) => {
    expect(await run.stopService(run.containerOf(service))).toBe(0);
  });

  test('the driver of the tests on Kubernetes has what it imports', async () => {
    const strict = ['--rm', '--read-only', '--cap-drop', 'ALL', '--network', 'none'];
    const load = "import('/app/tests/e2e-driver/dist/index.js').then(({ Driver }) => console.log(typeof Driver))";
    expect(await docker(['run', ...strict, serviceImage('e2e-driver'), 'node', '-e', load])).toBe('function');
  });
});
