import { describe, expect, test } from 'vitest';
import { AddressPolicy } from '../../../src/adapters/mqtt/address-policy.ts';

const policy = new AddressPolicy('');

describe('without exceptions', () => {
  test.each([
    ['0.0.0.0', 'this host'],
    ['10.1.2.3', 'private'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['169.254.169.254', 'cloud metadata'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'benchmarking'],
    ['224.0.0.1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'this host'],
    ['::1', 'loopback'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local with a zone'],
    ['fc00::1', 'private'],
    ['fd00:ec2::254', 'cloud metadata'],
    ['ff02::1', 'multicast'],
    ['64:ff9b::7f00:1', 'NAT64 of 127.0.0.1'],
    ['64:ff9b:1::7f00:1', 'local NAT64 of 127.0.0.1, RFC 8215'],
    ['2002:7f00:1::', '6to4 of 127.0.0.1'],
    ['::127.0.0.1', 'IPv4-compatible 127.0.0.1'],
    ['::ffff:127.0.0.1', 'mapped loopback'],
    ['::FFFF:169.254.169.254', 'mapped cloud metadata'],
    ['::ffff:7f00:1', 'mapped loopback, in hexadecimal'],
    ['0:0:0:0:0:ffff:a00:1', 'mapped private, in full'],
  ])('%s (%s) is denied', (address) => {
    expect(policy.permits(address)).toBe(false);
  });

  test.each([
    '1.1.1.1',
    '172.32.0.1',
    '100.128.0.1',
    '192.0.1.1',
    '2606:4700::1111',
    '::ffff:1.1.1.1',
    '::ffff:101:101',
  ])('%s is permitted', (address) => {
    expect(policy.permits(address)).toBe(true);
  });

  test('what is no address is denied', () => {
    expect(policy.permits('broker.example')).toBe(false);
  });
});

describe('exceptions', () => {
  const lax = new AddressPolicy(' 10.20.0.0/16, 127.0.0.1/32 ,fd12::/16');

  test.each(['10.20.3.4', '127.0.0.1', '::ffff:10.20.3.4', '::ffff:a14:304', 'fd12::1'])(
    '%s is permitted',
    (address) => {
      expect(lax.permits(address)).toBe(true);
    },
  );

  test.each(['10.21.0.1', '127.0.0.2', 'fd13::1', '::1'])('%s stays denied', (address) => {
    expect(lax.permits(address)).toBe(false);
  });

  test.each(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/x', 'private', '::/129', '10.0.0.0/', '10.0.0.0/8/9'])(
    '"%s" is no range',
    (range) => {
      expect(() => new AddressPolicy(range)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    },
  );
});

describe('trusted names', () => {
  const trusting = new AddressPolicy('', 'broker.brokers.svc, Other.Example.');

  test.each([
    ['broker.brokers.svc', '10.96.3.4'],
    ['BROKER.brokers.svc.', '10.96.3.4'],
    ['other.example', 'fd12::1'],
  ])('%s may lead anywhere', (host, address) => {
    expect(trusting.permits(address, host)).toBe(true);
  });

  test.each([
    ['x.broker.brokers.svc', '10.96.3.4'],
    ['brokers.svc', '10.96.3.4'],
    ['10.96.3.4', '10.96.3.4'],
  ])('%s is no such name', (host, address) => {
    expect(trusting.permits(address, host)).toBe(false);
  });

  test('an address is not a name', () => {
    expect(() => new AddressPolicy('', '10.0.0.1')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
