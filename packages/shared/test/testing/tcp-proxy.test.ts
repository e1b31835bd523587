import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TcpProxy } from '../../src/testing/tcp-proxy.ts';
import { waitFor } from '../../src/testing/wait-for.ts';

/** One end of a connection: what it got, and how it ended. */
class Peer {
  readonly socket: Socket;
  received = '';
  isEnded = false;
  error: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.received += bytes;
    });
    socket.on('end', () => {
      this.isEnded = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code;
    });
  }
}

let server: Server;
let accepted: Peer[];
let proxy: TcpProxy;
let clients: Peer[];

beforeEach(async () => {
  accepted = [];
  clients = [];
  server = createServer((socket) => accepted.push(new Peer(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await TcpProxy.start({ target: { port: (server.address() as AddressInfo).port } });
});

afterEach(async () => {
  for (const { socket } of [...clients, ...accepted]) socket.destroy();
  await proxy.stop();
  server.close();
});

function dial(): Peer {
  const client = new Peer(connect(proxy.port, proxy.host));
  clients.push(client);
  return client;
}

/** A client and its counterpart behind the proxy, greeted. */
async function connected(): Promise<{ client: Peer; target: Peer }> {
  const client = dial();
  client.socket.write('hello');
  const target = await waitFor(() => accepted.find(({ received }) => received === 'hello'));
  target.received = '';
  return { client, target };
}

/** Resolves when both ends have had the time to notice what did not come. */
async function roundTripElsewhere(): Promise<void> {
  const other = await TcpProxy.start({ target: { port: (server.address() as AddressInfo).port } });
  const socket = connect(other.port, other.host);
  socket.write('elsewhere');
  await waitFor(() => accepted.some(({ received }) => received === 'elsewhere'));
  socket.destroy();
  await other.stop();
}

describe('TcpProxy', () => {
  it('passes bytes both ways, and counts', async () => {
    const { client, target } = await connected();
    target.socket.write('welcome');
    await waitFor(() => client.received === 'welcome');
    expect([proxy.connectionCount, proxy.openConnections]).toEqual([1, 1]);
    client.socket.destroy();
    await waitFor(() => proxy.openConnections === 0);
    expect([proxy.bytesToTarget, proxy.bytesToClient]).toEqual([5, 7]);
  });

  it('passes the end of each direction by itself', async () => {
    const { client, target } = await connected();
    target.socket.allowHalfOpen = true;
    client.socket.end('bye');
    await waitFor(() => target.isEnded);
    expect(target.received).toBe('bye');
    target.socket.end('still here');
    await waitFor(() => client.isEnded);
    expect(client.received).toBe('still here');
  });

  it('passes a large amount unharmed', async () => {
    const { client, target } = await connected();
    const text = 'x'.repeat(3_000_000);
    client.socket.end(text);
    await waitFor(() => target.isEnded);
    expect(target.received === text).toBe(true);
  });

  it('resets the client when the target refuses', async () => {
    server.close();
    const client = dial();
    await waitFor(() => client.error);
    expect(client.error).toBe('ECONNRESET');
  });

  it('leads new connections to a new target', async () => {
    const other = createServer((socket) => socket.end('other'));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    proxy.target = { port: (other.address() as AddressInfo).port };
    const client = dial();
    await waitFor(() => client.received === 'other');
    other.close();
  });

  describe('blackhole', () => {
    it('stalls open connections, and lets what was held through afterwards', async () => {
      const { client, target } = await connected();
      proxy.blackhole();
      client.socket.write('later');
      target.socket.end('also later');
      await roundTripElsewhere();
      expect([client.received, target.received, client.isEnded]).toEqual(['', '', false]);
      await proxy.restore();
      await waitFor(() => target.received === 'later' && client.received === 'also later' && client.isEnded);
    });

    it('accepts new connections that lead nowhere until it is over', async () => {
      proxy.blackhole();
      const client = dial();
      client.socket.write('hello');
      await waitFor(() => proxy.openConnections === 1);
      await roundTripElsewhere();
      expect(accepted.some(({ received }) => received === 'hello')).toBe(false);
      await proxy.restore();
      await waitFor(() => accepted.some(({ received }) => received === 'hello'));
    });

    it('does not tell one end that the other is gone', async () => {
      const { client, target } = await connected();
      proxy.blackhole();
      client.socket.resetAndDestroy();
      await roundTripElsewhere();
      expect([target.isEnded, target.error]).toEqual([false, undefined]);
      await proxy.restore();
      await waitFor(() => target.isEnded || target.error);
    });
  });

  it('refuses connections, keeps open ones, and is back on the same port', async () => {
    const { port } = proxy;
    const { client, target } = await connected();
    await proxy.refuse();
    const refused = dial();
    await waitFor(() => refused.error);
    expect(refused.error).toBe('ECONNREFUSED');
    client.socket.write('still open');
    await waitFor(() => target.received === 'still open');
    await proxy.restore();
    expect(proxy.port).toBe(port);
    await connected();
  });

  it('delays bytes, in order', async () => {
    const { client, target } = await connected();
    proxy.delay(80);
    const start = performance.now();
    for (const letter of 'abcdef') client.socket.write(letter);
    await waitFor(() => target.received === 'abcdef', { intervalMs: 1 });
    expect(performance.now() - start).toBeGreaterThanOrEqual(79);
  });

  it('does not keep what was delayed once it is restored', async () => {
    const { client, target } = await connected();
    proxy.delay(60_000);
    client.socket.write('waits');
    await roundTripElsewhere();
    expect(target.received).toBe('');
    await proxy.restore();
    await waitFor(() => target.received === 'waits');
  });

  it('throttles', async () => {
    const { client, target } = await connected();
    proxy.throttle(50_000);
    const start = performance.now();
    client.socket.write('x'.repeat(10_000));
    await waitFor(() => target.received.length === 10_000, { intervalMs: 1 });
    const took = performance.now() - start;
    expect(took).toBeGreaterThanOrEqual(175);
    expect(took).toBeLessThan(2_000);
  });

  it('resets all connections at both ends', async () => {
    const { client, target } = await connected();
    proxy.resetAll();
    await waitFor(() => client.error && target.error);
    expect([client.error, target.error]).toEqual(['ECONNRESET', 'ECONNRESET']);
    await connected();
  });

  it('resets after so many bytes, in mid-packet', async () => {
    const { client, target } = await connected();
    proxy.resetAfter(4);
    client.socket.write('ab');
    await waitFor(() => target.received === 'ab');
    client.socket.write('cdef');
    await waitFor(() => client.error && target.isEnded);
    expect([client.error, target.received]).toEqual(['ECONNRESET', 'abcd']);
    const next = await connectedAfterReset();
    expect(next.error).toBe('ECONNRESET');
    await proxy.restore();
    await connected();
  });

  it('leaves connections half-open: the client does not notice, until the network is back', async () => {
    const { client, target } = await connected();
    proxy.halfOpen();
    await waitFor(() => target.isEnded || target.error);
    client.socket.write('anybody there?');
    await roundTripElsewhere();
    expect([client.isEnded, client.error]).toEqual([false, undefined]);
    await proxy.restore();
    await waitFor(() => client.error);
    expect(client.error).toBe('ECONNRESET');
  });

  it.each([
    ['passing', () => undefined],
    ['a blackhole', () => proxy.blackhole()],
    ['delaying', () => proxy.delay(60_000)],
    ['refusing', () => proxy.refuse()],
    ['half-open', () => proxy.halfOpen()],
  ])('stops at once, with connections open: %s', async (_mode, change) => {
    const { client } = await connected();
    await change();
    client.socket.write('x');
    const start = performance.now();
    await proxy.stop();
    expect(performance.now() - start).toBeLessThan(500);
    await waitFor(() => client.error ?? client.socket.destroyed);
    await proxy.stop();
  });
});

async function connectedAfterReset(): Promise<Peer> {
  const client = dial();
  client.socket.write('hello');
  await waitFor(() => client.error);
  return client;
}
