import { expect, test } from 'vitest';
import { run } from '../../src/cluster/command.ts';

const node = (script: string, options = {}) => run(process.execPath, ['-e', script], options);

test('what it writes is returned, and it gets what is written to it', async () => {
  const echo = "process.stdin.on('data', (data) => process.stdout.write('got ' + data))";
  expect(await node(echo, { input: 'this' })).toBe('got this');
  expect(await node('process.exit(0)', { input: 'x'.repeat(1_000_000) })).toBe('');
});

test('why it failed is said', async () => {
  await expect(node("console.error('why'); process.exit(3)")).rejects.toThrow(/exit code 3\nwhy$/);
  await expect(node('setInterval(() => {}, 1000)', { timeoutMs: 100 })).rejects.toThrow('ended by SIGKILL');
  await expect(run('no-such-program', [])).rejects.toThrow('ENOENT');
});
