import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { TestingError } from './errors.ts';

export const LOOPBACK = '127.0.0.1';

const TAKEN_PORT_PATIENCE_MS = 2_000;

/**
 * Listens on 127.0.0.1 and returns the port; 0 lets the kernel pick one.
 * @throws {TestingError} `PORT_UNAVAILABLE`
 */
export async function listen(server: Server, port = 0): Promise<number> {
  try {
    await retryWhilePortTaken(async () => {
      server.listen(port, LOOPBACK);
      await once(server, 'listening');
    });
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
      const isTaken = error instanceof Error && /address already in use/i.test(error.message);
      if (!isTaken || performance.now() > deadline) throw error;
      await pause(20);
    }
  }
}

/** A port nobody listens on now. Only for programs that cannot pick their own: somebody else may be faster. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  return port;
}
