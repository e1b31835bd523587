import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/logging/index.ts';
import { RotatingPassword } from '../../src/nats/rotating-password.ts';
import { TempDir } from '../../src/testing/index.ts';

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });

async function setUp() {
  const dir = await TempDir.create('password');
  onTestFinished(() => dir.remove());
  const path = join(dir.path, 'password');
  const write = (text: string) => writeFileSync(path, `${text}\n`);
  write('first');
  return { password: new RotatingPassword(path, log), write, remove: () => rmSync(path) };
}

const offers = (password: RotatingPassword, times: number) => Array.from({ length: times }, () => password.offer());

test('is read anew each time', async () => {
  const { password, write } = await setUp();
  expect(offers(password, 2)).toEqual(['first', 'first']);
  write('second');
  expect(password.offer()).toBe('second');
});

test('a new one and the one that was accepted are offered by turns, until one is accepted', async () => {
  const { password, write } = await setUp();
  password.offer();
  password.accepted();
  write('second');
  expect(offers(password, 4)).toEqual(['second', 'first', 'second', 'first']);
  password.accepted(); // the server is as it was
  expect(offers(password, 3)).toEqual(['second', 'first', 'second']);
  password.accepted();
  expect(offers(password, 2)).toEqual(['second', 'second']);
});

test('a file that is gone for a moment leaves the last one', async () => {
  const { password, remove } = await setUp();
  password.offer();
  password.accepted();
  remove();
  expect(offers(password, 2)).toEqual(['first', 'first']);
});

test('a file that was never there: nothing to offer, and no exception', async () => {
  const { password, remove } = await setUp();
  remove();
  expect(password.offer()).toBe('');
});
