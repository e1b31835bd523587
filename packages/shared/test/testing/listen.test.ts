import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { freePort, listen } from '../../src/testing/listen.ts';

it('names another free port each time, and none that somebody listens on', async () => {
  const taken = (await freePort()) + 1;
  const server = createServer();
  onTestFinished(async () => {
    server.close();
    await once(server, 'close');
  });
  await listen(server, taken);
  const ports = await Promise.all(Array.from({ length: 20 }, () => freePort()));
  expect(new Set(ports).size).toBe(20);
  expect(ports).not.toContain(taken);
});

it('names no port that the kernel may lend to a connection', async () => {
  const port = await freePort();
  expect(port).toBeGreaterThanOrEqual(20_000);
  expect(port).toBeLessThan(30_000);
});
