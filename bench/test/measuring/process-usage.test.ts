import { expect, it } from 'vitest';
import { cpuSecondsIn, memoryIn } from '../../src/measuring/process-usage.ts';

it('reads the CPU time of a process whose name holds spaces and parentheses', () => {
  const fields = Array.from({ length: 50 }, (_, index) => (index === 11 ? '150' : index === 12 ? '50' : '7'));
  expect(cpuSecondsIn(`42 (a ) b) ${fields.join(' ')}`)).toBe(2);
});

it('reads memory now and at its highest, MiB', () => {
  expect(memoryIn('Name:\tnode\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n')).toEqual({ rss: 1, peak: 2 });
  expect(memoryIn('Name:\tnode\n').rss).toBeNaN();
});
