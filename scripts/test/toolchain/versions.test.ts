import { describe, expect, it } from 'vitest';
import { formatVersion, isAtLeast, parseVersion } from '../../toolchain/versions.mjs';

describe('parseVersion', () => {
  it.each([
    ['v26.10.0', '26.10.0'],
    ['nats-server: v2.15.2', '2.15.2'],
    ['nats-server: v2.14.0-RC.1\n', '2.14.0-RC.1'],
    ['go version go1.26.8 linux/amd64', '1.26.8'],
  ])('finds the version in %j', (text, version) => {
    const parsed = parseVersion(text);
    expect(parsed && formatVersion(parsed)).toBe(version);
  });

  it('finds none where there is none', () => {
    expect(parseVersion('command not found')).toBeUndefined();
  });
});

describe('isAtLeast', () => {
  const minimum = parseVersion('2.12.0')!;

  it.each(['2.12.0', '2.12.3', '2.15.2', '3.0.0', '2.13.0-RC.1'])('takes %s for 2.12.0', (text) => {
    expect(isAtLeast(parseVersion(text)!, minimum)).toBe(true);
  });

  it.each(['2.9.10', '2.11.9', '1.99.99', '2.12.0-RC.1'])('refuses %s for 2.12.0', (text) => {
    expect(isAtLeast(parseVersion(text)!, minimum)).toBe(false);
  });
});
