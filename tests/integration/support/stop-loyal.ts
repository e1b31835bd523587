import type { NatsServer } from '@gatecast/shared/testing';
import { expect } from 'vitest';

/** Stops a server, and expects that no service has tried what its user may not do. */
export async function stopLoyal(server: NatsServer): Promise<void> {
  const { violations } = server;
  await server.stop();
  expect(violations).toEqual([]);
}
