import { connect, type Server } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TempDir, waitFor } from '@gatecast/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Connect, DriverClient } from '../src/client.ts';
import type { DriverMethods } from '../src/protocol.ts';
import { listen } from '../src/server.ts';

let dir: TempDir;
let server: Server;
let client: DriverClient;
let asked: string[];
let letGo: () => void;
/** Cuts the connection that there is. */
let cut: () => void;
let connections: number;

const PROGRESS = { accepted: 1, delivered: 2 };

/** Of the driver what these tests ask it. */
function methods(): DriverMethods {
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const some: Partial<DriverMethods> = {
    progress: async () => PROGRESS,
    phase: async ({ name }) => {
      asked.push(name);
      await held;
    },
    start: async () => {
      throw new TypeError('no run is open');
    },
  };
  return some as DriverMethods;
}

beforeEach(async () => {
  dir = await TempDir.create('e2e-driver');
  asked = [];
  connections = 0;
  const path = join(dir.path, 'driver.sock');
  server = await listen(path, methods());
  const open: Connect = (onLine, onClose) => {
    connections += 1;
    const socket = connect(path);
    cut = () => socket.destroy();
    socket.on('error', () => undefined);
    socket.on('close', () => onClose('cut'));
    createInterface({ input: socket }).on('line', onLine);
    return { send: (line) => socket.write(`${line}\n`), close: () => socket.destroy() };
  };
  client = new DriverClient(open);
});

afterEach(async () => {
  client.close();
  server.close();
  await dir.remove();
});

test('requests are answered, side by side', async () => {
  const phase = client.call('phase', { name: 'before' });
  expect(await client.call('progress')).toEqual(PROGRESS);
  letGo();
  expect(await phase).toBeNull();
});

test('what the driver cannot do is said, and what it does not know', async () => {
  await expect(client.call('start')).rejects.toThrow('no run is open');
  await expect(client.call('stop')).rejects.toThrow('there is no method stop');
});

test('a broken connection is made anew, and what was asked is done once', async () => {
  const phase = client.call('phase', { name: 'during' });
  await waitFor(() => asked.length === 1);
  cut();
  await waitFor(() => connections === 2);
  letGo();
  await phase;
  expect(asked).toEqual(['during']);
});

test('after close() nothing is waited for', async () => {
  const phase = client.call('phase', { name: 'never' });
  client.close();
  await expect(phase).rejects.toThrow('closed');
  await expect(client.call('progress')).rejects.toThrow('not there any more');
});
