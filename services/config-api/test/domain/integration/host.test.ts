import { describe, expect, it } from 'vitest';
import { hostProblem, normalizeHost } from '../../../src/domain/integration/host.ts';

describe('hostProblem', () => {
  it.each([
    'broker.example.com',
    'broker.example.com.',
    'BROKER',
    'my_broker.internal',
    'a-b.c',
    'xn--mnchen-3ya.example',
    '10.0.0.1',
    '255.255.255.255',
    '::1',
    '2001:db8::1',
    '::ffff:10.0.0.1',
    '1.2.3.4.example',
  ])('accepts %s', (host) => {
    expect(hostProblem(host)).toBeUndefined();
  });

  it.each([
    ['mqtt://broker.example', /without|leave out the scheme/],
    ['broker.example:1883', /port has its own setting/],
    ['broker.example/path', /leave out the path/],
    ['broker.example?x', /leave out the path/],
    ['user@broker.example', /user name and password/],
    ['[::1]', /without brackets/],
    ['[::1]:8883', /without brackets/],
    ['fe80::1%eth0', /zone/],
    ['2001:db8::zz', /IPv6/],
    ['1:2:3', /IPv6/],
    ['broker example', /white space/],
    ['broker.example\n', /white space/],
    ['münchen.example', /xn--/],
    ['-broker.example', /not a DNS name/],
    ['broker..example', /not a DNS name/],
    ['.', /not a DNS name/],
    ['256.1.1.1', /IPv4/],
    ['10.0.0', /IPv4/],
    ['010.0.0.1', /IPv4/],
    ['broker.1', /IPv4/],
    [`${'a'.repeat(64)}.example`, /not a DNS name/],
  ])('refuses %j and says how to mend it', (host, problem) => {
    expect(hostProblem(host)).toMatch(problem);
  });
});

describe('normalizeHost', () => {
  it.each([
    ['Broker.Example.', 'broker.example'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
    ['10.0.0.1', '10.0.0.1'],
  ])('%s is compared as %s', (host, normal) => {
    expect(normalizeHost(host)).toBe(normal);
  });
});
