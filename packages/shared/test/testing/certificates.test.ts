import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect, createServer, type TlsOptions } from 'node:tls';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { expired, TestCertificateAuthority } from '../../src/testing/certificates.ts';

let ca: TestCertificateAuthority;

beforeAll(async () => {
  ca = await TestCertificateAuthority.create();
});

/** A TLS server that says who the client is; returns its port. */
async function serve(options: TlsOptions): Promise<number> {
  const server = createServer({ minVersion: 'TLSv1.3', ...options }, (socket) => {
    socket.on('error', () => undefined);
    socket.end(String(socket.getPeerCertificate().subject?.CN ?? 'nobody'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** What the server said, or the error's code. */
async function talk(port: number, options: ConnectionOptions): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', ...options });
  try {
    let answer = '';
    for await (const bytes of socket) answer += bytes;
    return answer;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

describe('TestCertificateAuthority', () => {
  it('issues server certificates for names and addresses', async () => {
    const server = await ca.issueServer({ dnsNames: ['broker.test'], ipAddresses: ['127.0.0.1'] });
    const port = await serve({ cert: server.certificate, key: server.key });
    expect(await talk(port, { ca: ca.certificate })).toBe('nobody');
    expect(await talk(port, { ca: ca.certificate, servername: 'broker.test' })).toBe('nobody');
    expect(await talk(port, { ca: ca.certificate, servername: 'other.test' })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  it('is unknown to who trusts another one', async () => {
    const server = await ca.issueServer();
    const port = await serve({ cert: server.certificate, key: server.key });
    const other = await TestCertificateAuthority.create('Another CA');
    expect(await talk(port, { ca: other.certificate })).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  it('issues certificates that have expired', async () => {
    const server = await ca.issueServer(expired());
    const port = await serve({ cert: server.certificate, key: server.key });
    expect(await talk(port, { ca: ca.certificate })).toBe('CERT_HAS_EXPIRED');
  });

  it('issues client certificates', async () => {
    const server = await ca.issueServer();
    const client = await ca.issueClient({ commonName: 'gw-1' });
    const port = await serve({
      cert: server.certificate,
      key: server.key,
      ca: ca.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    });
    expect(await talk(port, { ca: ca.certificate, cert: client.certificate, key: client.key })).toBe('gw-1');
    expect(await talk(port, { ca: ca.certificate })).toMatch(/^ERR_SSL_/);
    const stranger = await (await TestCertificateAuthority.create('Another CA')).issueClient();
    // with TLS 1.3 Node's server hangs up without an alert here
    const answer = await talk(port, { ca: ca.certificate, cert: stranger.certificate, key: stranger.key });
    expect(answer).toMatch(/^(|ECONNRESET|ERR_SSL_.*)$/);
  });
});
