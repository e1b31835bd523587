import { headers as libraryHeaders, MsgHdrsImpl } from '@nats-io/nats-core';
import { expect, test } from 'vitest';
import { HeaderBlock } from '../../src/nats/header-block.ts';

const text = (block: HeaderBlock) => Buffer.from(block.encode()).toString();

test('is what the client library writes', () => {
  const block = new HeaderBlock();
  const expected = libraryHeaders();
  for (const [name, value] of [
    ['Gatecast-First', '1'],
    ['Gatecast-Source', '17.2/3'],
    ['tracestate', 'a=ü'],
  ] as const) {
    block.set(name, value);
    expected.set(name, value);
  }
  expect(text(block)).toBe((expected as MsgHdrsImpl).toString());
});

test('reads what the client library writes, and the other way round', () => {
  const written = libraryHeaders();
  written.set('Gatecast-First', '1');
  written.set('Nats-Msg-Id', 'a: b');
  const read = HeaderBlock.parse((written as MsgHdrsImpl).encode());
  expect(read?.keys()).toEqual(['Gatecast-First', 'Nats-Msg-Id']);
  expect(read?.get('Nats-Msg-Id')).toBe('a: b');
  expect(read?.values('Gatecast-First')).toEqual(['1']);
  expect(MsgHdrsImpl.decode(read!.encode()).get('Nats-Msg-Id')).toBe('a: b');
});

test('has what was set last, and nothing else', () => {
  const block = new HeaderBlock();
  block.set('Ab', '1');
  block.set('A', '2');
  block.set('Ab', '3');
  expect(block.keys()).toEqual(['A', 'Ab']);
  expect([block.get('A'), block.get('Ab'), block.get('B'), block.get('ab')]).toEqual(['2', '3', '', '']);
  block.delete('A');
  block.delete('absent');
  expect([block.has('A'), block.has('Ab'), block.values('A')]).toEqual([false, true, []]);
  expect(text(block)).toBe('NATS/1.0\r\nAb: 3\r\n\r\n');
});

test('an empty value is a header all the same', () => {
  const block = new HeaderBlock();
  block.set('A', '');
  expect([block.has('A'), block.get('A'), block.keys()]).toEqual([true, '', ['A']]);
});

test('a value cannot begin another header', () => {
  for (const value of ['1\r\nNats-Rollup: all', '1\n', '\r']) {
    expect(() => new HeaderBlock().set('A', value)).toThrow(expect.objectContaining({ code: 'PAYLOAD_MALFORMED' }));
  }
});

test.each(['', 'NATS/1.0', 'NATS/1.0 503\r\n\r\n', 'NATS/1.0\r\nA: 1', 'HTTP/1.0\r\nA: 1\r\n\r\n'])(
  'takes %j for no headers',
  (block) => {
    expect(HeaderBlock.parse(Buffer.from(block))).toBeUndefined();
  },
);
