import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { TestingError } from './errors.ts';

export const LOOPBACK = '127.0.0.1';

const TAKEN_PORT_PATIENCE_MS = 2_000;
// Below what kernels lend to connections (32768, or 49152), and what Kubernetes gives its services (30000).
const FIRST_PORT = 20_000;
const LAST_PORT = 29_999;

// Processes that pick ports side by side begin at different ones.
let lastPort = randomInt(FIRST_PORT, LAST_PORT);

/**
 * Listens on 127.0.0.1 and returns the port; 0 lets the kernel pick one.
 * @throws {TestingError} `PORT_UNAVAILABLE`
 */
export async function listen(server: Server, port = 0): Promise<number> {
  try {
    await retryWhilePortTaken(() => bind(server, port));
  } catch (error) {
    throw new TestingError('PORT_UNAVAILABLE', `cannot listen on ${LOOPBACK}:${port}`, error);
  }
  return (server.address() as AddressInfo).port;
}

/**
 * Runs `start` again for a while as long as it fails for a taken port: while the owner of a port is away between two
 * starts, the kernel may lend it to somebody's outgoing connection.
 */
export async function retryWhilePortTaken<T>(start: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + TAKEN_PORT_PATIENCE_MS;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (!isPortTaken(error) || performance.now() > deadline) throw error;
      await pause(20);
    }
  }
}

/**
 * A port nobody listens on now, another one each time. Only for programs that cannot pick their own: somebody else may be
 * faster, though nobody who lets the kernel or Docker choose: they choose from 32768 on.
 * @throws {TestingError} `PORT_UNAVAILABLE`
 */
export async function freePort(): Promise<number> {
  for (;;) {
    lastPort = lastPort < LAST_PORT ? lastPort + 1 : FIRST_PORT;
    const port = lastPort;
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await bind(server, port);
  } catch (error) {
    if (isPortTaken(error)) return false;
    throw new TestingError('PORT_UNAVAILABLE', `cannot listen on ${LOOPBACK}:${port}`, error);
  }
  server.close();
  await once(server, 'close');
  return true;
}

async function bind(server: Server, port: number): Promise<void> {
  server.listen(port, LOOPBACK);
  await once(server, 'listening');
}

/** Node.js and the programs that tests start say it in the same words. */
function isPortTaken(error: unknown): boolean {
  return error instanceof Error && /address already in use/i.test(error.message);
}
