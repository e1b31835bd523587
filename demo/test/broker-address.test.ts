import { describe, expect, test } from 'vitest';
import { parseBrokerAddress, settingsOf, subscribeCommand, urlOf } from '../src/broker-address.ts';

describe('parseBrokerAddress', () => {
  test.each([
    ['mqtt://broker.example.org', { host: 'broker.example.org', port: 1883, tls: false }],
    ['mqtt://10.0.0.7:2883/', { host: '10.0.0.7', port: 2883, tls: false }],
    ['mqtts://broker', { host: 'broker', port: 8883, tls: true }],
    ['mqtt://[fd00::1]', { host: 'fd00::1', port: 1883, tls: false }],
    ['mqtt://u@broker', { host: 'broker', port: 1883, tls: false, username: 'u' }],
    ['mqtt://u%3A:p%2F%40@broker', { host: 'broker', port: 1883, tls: false, username: 'u:', password: 'p/@' }],
  ])('%s', (text, address) => {
    expect(parseBrokerAddress(text)).toEqual(address);
  });

  test.each([
    ['broker', /is not a URL/],
    ['ws://broker', /mqtt:\/\//],
    ['mqtt://', /names no host/],
    ['mqtt://broker/topic', /something after host and port/],
    ['mqtt://broker?x=1', /something after host and port/],
    ['mqtt://:secret@broker', /password without a user/],
    ['mqtt://u:se%cret@broker', /stray %/],
    ['mqtt://broker:70000', /is not a URL/],
  ])('refuses %s without telling a password', (text, message) => {
    expect(() => parseBrokerAddress(text)).toThrow(RangeError);
    expect(() => parseBrokerAddress(text)).toThrow(message);
    expect(() => parseBrokerAddress(text)).not.toThrow(/se.?cret/);
  });
});

const guarded = parseBrokerAddress("mqtts://o'neil:secret@[fd00::1]:8884");

test('an address as URL has no credentials', () => {
  expect(urlOf(guarded)).toBe('mqtts://[fd00::1]:8884');
  expect(urlOf(parseBrokerAddress('mqtt://u:p@broker'))).toBe('mqtt://broker:1883');
});

test('the settings of an integration have everything', () => {
  expect(settingsOf(guarded)).toEqual({
    host: 'fd00::1',
    port: 8884,
    tls: { enabled: true },
    username: "o'neil",
    password: 'secret',
  });
  expect(settingsOf(parseBrokerAddress('mqtt://broker'))).toEqual({ host: 'broker', port: 1883 });
});

test('the command to subscribe quotes for a shell, and leaves the password out', () => {
  expect(subscribeCommand(guarded, 'Aranet')).toBe(
    String.raw`npx mqtt sub -h fd00::1 -p 8884 -l mqtts -u 'o'\''neil' -P '<password>' -t 'Aranet/#' -v`,
  );
  expect(subscribeCommand(parseBrokerAddress('mqtt://127.0.0.1:40001'), 'Aranet')).toBe(
    "npx mqtt sub -h 127.0.0.1 -p 40001 -t 'Aranet/#' -v",
  );
});
