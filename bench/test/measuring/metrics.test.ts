import { expect, it } from 'vitest';
import { Metrics } from '../../src/measuring/metrics.ts';

const metrics = new Metrics(
  '# HELP a b\nplain_total 12\nplain_total_more 5\nby_code{code="OK"} 3\nby_code{code="BAD"} 4\n',
);

it('reads plain and labelled metrics', () => {
  expect(metrics.value('plain_total')).toBe(12);
  expect(metrics.value('by_code', { name: 'code', value: 'BAD' })).toBe(4);
});

it('takes what is not there for 0', () => {
  expect(metrics.value('missing')).toBe(0);
  expect(metrics.value('by_code', { name: 'code', value: 'OTHER' })).toBe(0);
});
