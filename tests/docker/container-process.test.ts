import { randomUUID } from 'node:crypto';
import { serviceImage } from '@gatecast/shared/testing';
import { afterEach, expect, test } from 'vitest';
import { ContainerProcess } from '../../packages/shared/src/testing/container-process.ts';
import { docker } from './support/docker.ts';

/* What tests do to a process, done to a container: `node -e …` in one of our images. */

const TICKING = "setInterval(() => console.log('tick'), 50); process.on('SIGTERM', () => process.exit(3));";

const started: ContainerProcess[] = [];
afterEach(async () => {
  for (const container of started.splice(0)) await container.stop({ signal: 'SIGKILL' });
});

async function run(script: string, env: Record<string, string> = {}): Promise<ContainerProcess> {
  const container = await ContainerProcess.start({
    name: `script-${randomUUID().slice(0, 4)}`,
    image: serviceImage('encoder'),
    command: ['node', '-e', script],
    env,
  });
  started.push(container);
  return container;
}

test('its lines and its exit code are those of the program, and it is removed', async () => {
  const container = await run("console.log('one ' + process.env.GATECAST_X); console.error('two'); process.exit(7)", {
    GATECAST_X: 'x',
  });
  expect(await container.exit).toEqual({ code: 7, signal: null });
  expect([...container.lines].sort()).toEqual(['one x', 'two']);
  expect(container.ended).toEqual({ code: 7, signal: null });
  await expect(container.waitForLine(/three/)).rejects.toMatchObject({ code: 'PROCESS_EXITED' });
  expect(() => container.throwIfEnded()).toThrow('code 7');
  container.kill();
  await container.pause();
  container.resume();
});

test('it is stopped by a signal that it may answer, and killed by one that it may not', async () => {
  const asked = await run(TICKING);
  await asked.waitForLine(/tick/);
  expect(await asked.stop()).toEqual({ code: 3, signal: null });
  const killed = await run(TICKING);
  await killed.waitForLine(/tick/);
  killed.kill('SIGKILL');
  expect(await killed.exit).toEqual({ code: null, signal: 'SIGKILL' });
  const deaf = await run("process.on('SIGTERM', () => {}); setInterval(() => console.log('tick'), 50)");
  await deaf.waitForLine(/tick/);
  expect(await deaf.stop({ graceMs: 200 })).toEqual({ code: null, signal: 'SIGKILL' });
});

test('paused it stands still, resumed it goes on', async () => {
  const container = await run(TICKING);
  await container.waitForLine(/tick/);
  await container.pause();
  const state = ['container', 'inspect', '--format', '{{.State.Paused}}'];
  const [id = ''] = (await docker(['ps', '--no-trunc', '--format', '{{.ID}}', '--filter', 'status=paused'])).split(
    '\n',
  );
  expect(await docker([...state, id])).toBe('true');
  const before = container.lineCount;
  container.resume();
  await container.waitForLine(/tick/, { fromLine: before });
  await container.pause();
  expect(await container.stop({ signal: 'SIGKILL' })).toEqual({ code: null, signal: 'SIGKILL' });
});

test('its root is read-only, and it has no capabilities', async () => {
  const container = await run(
    "try { require('node:fs').writeFileSync('/app/x', '') } catch (error) { console.log(error.code) }" +
      "console.log(require('node:fs').readFileSync('/proc/self/status', 'utf8').match(/CapEff:.*/)[0])",
  );
  await container.exit;
  expect(container.lines).toEqual(['EROFS', expect.stringMatching(/^CapEff:\s+0000000000000000$/)]);
});

test('an image that is not there, and cannot be had, is a failure with its name', async () => {
  const starting = ContainerProcess.start({ name: 'nobody', image: 'localhost:1/no/such:image', command: [] });
  await expect(starting).rejects.toMatchObject({ code: 'PROCESS_NOT_STARTED' });
});
